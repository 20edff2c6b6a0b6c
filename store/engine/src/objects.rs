//! Where split files live: a local directory with real durability, or S3.

use crate::StoreOptions;
use crate::error::{io_context, join_error, object_error};
use crate::split::{DraftFile, ObjectInfo, SplitBytes};
use crate::wal::segment::sync_dir;
use bytes::Bytes;
use gantry_store_api::{ErrorKind, StoreError};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes of a part of an upload: S3 takes 10,000 parts of at least 5 MiB.
const PART_BYTES: usize = 8 << 20;
/// Parts that are on their way at once, and so in memory.
const PARTS_AT_ONCE: usize = 2;

/// An object store, and the directory behind it when it is a local one.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    pub store: Arc<dyn ObjectStore>,
    local_root: Option<PathBuf>,
}

impl Objects {
    pub(crate) fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        match options.object_store.strip_prefix("s3://") {
            Some(place) => open_s3(options, place),
            None => open_local(options.data.join("objects")),
        }
    }

    pub(crate) fn is_local(&self) -> bool {
        self.local_root.is_some()
    }

    /// Writes an object; it survives a loss of power when this returns.
    pub(crate) async fn put(&self, path: &Path, bytes: Bytes) -> Result<ObjectInfo, StoreError> {
        let info = ObjectInfo { len: bytes.len() as u64, crc32: crc32fast::hash(&bytes) };
        let put = self.store.put(path, bytes.into()).await;
        put.map_err(|error| object_error(&error, format!("cannot write {path}")))?;
        if let Some(root) = self.local_root.clone() {
            let path = path.clone();
            let synced = tokio::task::spawn_blocking(move || sync_object(&root, &path)).await;
            synced.map_err(join_error)??;
        }
        Ok(info)
    }

    /// Stores the file of a split; it survives a loss of power when this returns. A draft on the same disk is moved.
    pub(crate) async fn put_split(&self, path: &Path, bytes: SplitBytes) -> Result<ObjectInfo, StoreError> {
        let draft = match bytes {
            SplitBytes::Memory(bytes) => return self.put(path, bytes).await,
            SplitBytes::File(draft) => draft,
        };
        let info = draft.info;
        match self.local_root.clone() {
            Some(root) => {
                let path = path.clone();
                let moved = tokio::task::spawn_blocking(move || move_object(&root, &path, draft)).await;
                moved.map_err(join_error)??;
            }
            None => Box::pin(self.upload(path, draft)).await?,
        }
        Ok(info)
    }

    /// Sends a draft in parts: it can be longer than one request may be, and than memory should be.
    async fn upload(&self, path: &Path, draft: DraftFile) -> Result<(), StoreError> {
        let failed = |error| object_error(&error, format!("cannot write {path}"));
        let parts = self.store.put_multipart(path).await.map_err(failed)?;
        let mut parts = WriteMultipart::new_with_chunk_size(parts, PART_BYTES);
        if let Err(error) = send_parts(&mut parts, draft).await {
            // What was sent takes room until somebody says that it is not wanted; the first error is the one that counts.
            let _ = parts.abort().await;
            return Err(error.context(format!("cannot write {path}")));
        }
        parts.finish().await.map_err(failed)?;
        Ok(())
    }

    /// Removes an object; one that is not there is fine.
    pub(crate) async fn delete(&self, path: &Path) -> Result<(), StoreError> {
        match self.store.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(object_error(&error, format!("cannot remove {path}"))),
        }
    }
}

fn open_local(root: PathBuf) -> Result<Objects, StoreError> {
    io_context(std::fs::create_dir_all(&root), || format!("cannot create {}", root.display()))?;
    let store = LocalFileSystem::new_with_prefix(&root)
        .map_err(|error| object_error(&error, format!("cannot open {}", root.display())))?;
    Ok(Objects { store: Arc::new(store), local_root: Some(root) })
}

async fn send_parts(parts: &mut WriteMultipart, draft: DraftFile) -> Result<(), StoreError> {
    let file = Arc::new(draft.file);
    for start in (0..draft.info.len).step_by(PART_BYTES) {
        let len = (draft.info.len - start).min(PART_BYTES as u64);
        let file = file.clone();
        let read = tokio::task::spawn_blocking(move || read_part(&file, start, len)).await.map_err(join_error)?;
        let part = io_context(read, || "cannot read a merged split")?;
        let room = parts.wait_for_capacity(PARTS_AT_ONCE).await;
        room.map_err(|error| object_error(&error, "a part was not taken"))?;
        parts.put(part);
    }
    Ok(())
}

fn read_part(file: &File, start: u64, len: u64) -> io::Result<Bytes> {
    let mut part = vec![0; len as usize];
    file.read_exact_at(&mut part, start)?;
    Ok(part.into())
}

/// Gives a draft its place among the objects. Where that is another disk it is copied.
fn move_object(root: &std::path::Path, path: &Path, draft: DraftFile) -> Result<(), StoreError> {
    let place = root.join(path.as_ref());
    let moved = || {
        if let Some(dir) = place.parent() {
            std::fs::create_dir_all(dir)?;
        }
        match std::fs::rename(&draft.path, &place) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => std::fs::copy(&draft.path, &place).map(drop),
            renamed => renamed,
        }
    };
    io_context(moved(), || format!("cannot move a merged split to {}", place.display()))?;
    sync_object(root, path)
}

/// The local store renames a finished file into place and leaves it to the system when that reaches the disk.
fn sync_object(root: &std::path::Path, path: &Path) -> Result<(), StoreError> {
    let file = root.join(path.as_ref());
    let sync = || {
        File::open(&file)?.sync_all()?;
        let above = file.ancestors().skip(1);
        for dir in above.take_while(|dir| dir.starts_with(root)) {
            sync_dir(dir)?;
        }
        Ok(())
    };
    io_context(sync(), || format!("cannot sync {}", file.display()))
}

fn open_s3(options: &StoreOptions, place: &str) -> Result<Objects, StoreError> {
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    if bucket.is_empty() {
        return Err(StoreError::new(ErrorKind::Invalid, "store.object_store must name a bucket: s3://bucket/prefix"));
    }
    let s3 = &options.s3;
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_allow_http(s3.allow_http);
    if !s3.endpoint.is_empty() {
        builder = builder.with_endpoint(&s3.endpoint);
    }
    if !s3.region.is_empty() {
        builder = builder.with_region(&s3.region);
    }
    if !s3.access_key_id.is_empty() {
        builder = builder.with_access_key_id(&s3.access_key_id).with_secret_access_key(s3.secret_access_key.reveal());
    }
    let store = builder.build().map_err(|error| object_error(&error, "cannot set up the S3 client"))?;
    let store: Arc<dyn ObjectStore> = match prefix.trim_matches('/') {
        "" => Arc::new(store),
        prefix => Arc::new(PrefixStore::new(store, prefix)),
    };
    Ok(Objects { store, local_root: None })
}

#[cfg(test)]
mod tests;
