//! Drafts on their way into a store: moved on a local disk, sent in parts elsewhere.

use super::*;
use crate::split::Draft;
use object_store::memory::InMemory;
use std::io::Write;

const PLACE: &str = "default/logs/p000/0001.parquet";

fn draft(dir: &std::path::Path, bytes: &[u8]) -> SplitBytes {
    let mut draft = Draft::in_dir(dir).unwrap();
    bytes.chunks(100_000).for_each(|chunk| draft.write_all(chunk).unwrap());
    draft.finish().unwrap()
}

async fn assert_stores_drafts(objects: Objects) {
    let drafts = tempfile::tempdir().unwrap();
    let lens = [0, 1, PART_BYTES, 2 * PART_BYTES + 100];
    for (number, len) in lens.into_iter().enumerate() {
        let bytes: Vec<u8> = (0..len).map(|at| (at / 7 + number) as u8).collect();
        let path = Path::from(PLACE);
        let info = objects.put_split(&path, draft(drafts.path(), &bytes)).await.unwrap();
        assert_eq!(info, ObjectInfo { len: len as u64, crc32: crc32fast::hash(&bytes) });
        let stored = objects.store.get(&path).await.unwrap().bytes().await.unwrap();
        assert!(stored == bytes, "{len} bytes");
        let left = std::fs::read_dir(drafts.path()).unwrap().count();
        assert_eq!(left, 0, "drafts stay behind");
    }
}

#[tokio::test]
async fn a_draft_is_moved_on_a_local_disk() {
    let dir = tempfile::tempdir().unwrap();
    assert_stores_drafts(open_local(dir.path().join("objects")).unwrap()).await;
}

#[tokio::test]
async fn a_draft_is_sent_in_parts_elsewhere() {
    assert_stores_drafts(Objects { store: Arc::new(InMemory::new()), local_root: None }).await;
}

#[tokio::test]
async fn a_draft_that_cannot_be_stored_goes() {
    let (dir, drafts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let objects = open_local(dir.path().join("objects")).unwrap();
    std::fs::write(dir.path().join("objects/default"), "in the way").unwrap();
    let error = objects.put_split(&Path::from(PLACE), draft(drafts.path(), b"rows")).await.unwrap_err();
    assert!(error.message().contains("cannot move a merged split"), "{error}");
    assert_eq!(std::fs::read_dir(drafts.path()).unwrap().count(), 0);
}
