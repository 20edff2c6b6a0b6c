//! The suite that every [`MetaStore`] runs.

use crate::*;
use std::sync::Arc;
use std::time::Duration;

async fn committed(store: &dyn MetaStore, ops: Vec<Op>) -> u64 {
    match store.txn(Vec::new(), ops).await.unwrap() {
        TxnOutcome::Committed { revision } => revision,
        TxnOutcome::Conflict { key } => panic!("conflict on {key}"),
    }
}

async fn value(store: &dyn MetaStore, key: &str) -> Option<Vec<u8>> {
    store.get(key).await.unwrap().map(|entry| entry.value.to_vec())
}

async fn a_key_holds_what_was_written_last(store: &dyn MetaStore) {
    assert_eq!(value(store, "k").await, None);
    store.put("k", b"one".to_vec()).await.unwrap();
    let revision = committed(store, vec![Op::put("k", *b"x"), Op::put("k", *b"two")]).await;
    let entry = store.get("k").await.unwrap().unwrap();
    assert_eq!((&*entry.value, entry.version), (&b"two"[..], revision));
    committed(store, vec![Op::delete("k"), Op::delete("never there")]).await;
    assert_eq!(value(store, "k").await, None);
}

async fn a_range_is_sorted_and_stays_within_its_prefix(store: &dyn MetaStore) {
    let keys = ["r/b", "r/a", "r", "r0", "q", "r/a/x"];
    committed(store, keys.iter().map(|key| Op::put(*key, key.as_bytes())).collect()).await;
    let found: Vec<String> = store.range("r/").await.unwrap().into_iter().map(|e| e.key).collect();
    assert_eq!(found, ["r/a", "r/a/x", "r/b"]);
}

async fn a_failed_compare_changes_nothing(store: &dyn MetaStore) {
    let version = committed(store, vec![Op::put("c", *b"1")]).await;
    let failing = [
        Compare::new("c", Expect::Absent),
        Compare::new("c", Expect::Version(version + 7)),
        Compare::new("none", Expect::Present),
    ];
    for compare in failing {
        let key = compare.key.clone();
        let compares = vec![Compare::new("c", Expect::Present), compare];
        let outcome = store.txn(compares, vec![Op::put("c", *b"2"), Op::put("d", *b"2")]).await.unwrap();
        assert_eq!(outcome, TxnOutcome::Conflict { key });
    }
    assert_eq!(value(store, "c").await.unwrap(), b"1");
    assert_eq!(value(store, "d").await, None);
    let compares = vec![Compare::new("c", Expect::Version(version)), Compare::new("d", Expect::Absent)];
    let outcome = store.txn(compares, vec![Op::put("c", *b"2")]).await.unwrap();
    assert_eq!(outcome, TxnOutcome::Committed { revision: version + 1 });
}

async fn of_many_writers_that_compare_one_wins_each_round(store: Arc<dyn MetaStore>) {
    store.put("n", b"0".to_vec()).await.unwrap();
    let increment = |store: Arc<dyn MetaStore>| async move {
        loop {
            let entry = store.get("n").await.unwrap().unwrap();
            let next = std::str::from_utf8(&entry.value).unwrap().parse::<u32>().unwrap() + 1;
            let compare = Compare::new("n", Expect::Version(entry.version));
            let outcome = store.txn(vec![compare], vec![Op::put("n", next.to_string().into_bytes())]).await.unwrap();
            if matches!(outcome, TxnOutcome::Committed { .. }) {
                return;
            }
        }
    };
    let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(increment(store.clone()))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(value(&*store, "n").await.unwrap(), b"8");
}

async fn next(watch: &mut Watch) -> WatchEvent {
    tokio::time::timeout(Duration::from_secs(10), watch.next()).await.unwrap().unwrap()
}

async fn a_watch_sees_changes_under_its_prefix_in_order(store: &dyn MetaStore) {
    committed(store, vec![Op::put("w/before", *b"")]).await;
    let mut watch = store.watch("w/");
    let first = committed(store, vec![Op::put("w/a", *b"1"), Op::put("other", *b"")]).await;
    let second = committed(store, vec![Op::delete("w/a")]).await;
    let entry = Entry { key: "w/a".into(), value: (*b"1").into(), version: first };
    assert_eq!(next(&mut watch).await, WatchEvent::Changed(Change::Put(entry)));
    assert_eq!(next(&mut watch).await, WatchEvent::Changed(Change::Delete { key: "w/a".into(), revision: second }));
}

async fn a_watch_that_falls_behind_is_told_so(store: &dyn MetaStore) {
    let mut watch = store.watch("");
    for _ in 0..1030 {
        committed(store, vec![Op::put("x", *b"")]).await;
    }
    assert_eq!(watch.next().await, Some(WatchEvent::Lagged));
    assert!(matches!(watch.next().await, Some(WatchEvent::Changed(_))));
}

async fn suite(make: impl Fn() -> Arc<dyn MetaStore>) {
    a_key_holds_what_was_written_last(&*make()).await;
    a_range_is_sorted_and_stays_within_its_prefix(&*make()).await;
    a_failed_compare_changes_nothing(&*make()).await;
    of_many_writers_that_compare_one_wins_each_round(make()).await;
    a_watch_sees_changes_under_its_prefix_in_order(&*make()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_store_keeps_the_contract() {
    suite(|| Arc::new(MemoryMeta::default())).await;
    a_watch_that_falls_behind_is_told_so(&MemoryMeta::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_redb_store_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let number = std::sync::atomic::AtomicU32::new(0);
    suite(|| {
        let at = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Arc::new(RedbMeta::open(dir.path().join(format!("{at}.redb"))).unwrap())
    })
    .await;
}

#[tokio::test]
async fn the_redb_store_remembers_after_it_was_closed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("meta.redb");
    let store = RedbMeta::open(&path).unwrap();
    let revision = committed(&store, vec![Op::put("k", *b"v")]).await;
    assert_eq!(RedbMeta::open(&path).unwrap_err().kind(), MetaErrorKind::Busy);
    drop(store);
    let store = RedbMeta::open(&path).unwrap();
    assert_eq!(store.get("k").await.unwrap().unwrap().version, revision);
    assert_eq!(committed(&store, vec![Op::put("l", *b"v")]).await, revision + 1);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("meta.redb");
    std::fs::write(&path, b"certainly no database, but long enough to look at").unwrap();
    assert!(RedbMeta::open(&path).is_err());
    assert!(std::fs::read(&path).unwrap().starts_with(b"certainly"));
}
