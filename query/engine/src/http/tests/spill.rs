//! SQL over more than fits into memory.

use super::*;

const STATEMENT: &str =
    "SELECT max(n) AS n FROM (SELECT row_number() OVER (ORDER BY body DESC, timestamp) AS n, body FROM logs) AS t";

async fn ask_sql(options: QueryOptions) -> (StatusCode, String) {
    let (store, engine) = engine_with(options).await;
    let mut batch = LogBatch::builder();
    batch.stream(LabelSet::from_pairs([("app", "wide")]));
    for n in 0..180_000 {
        let body = format!("{:06} {}", n * 7919 % 180_000, "x".repeat(200));
        batch.push(Timestamp(n), &body, []).unwrap();
    }
    let commit = store.append(&TenantId::default_tenant(), batch.finish()).await.unwrap();
    assert_eq!(commit.lines, 180_000);
    let body = serde_json::to_string(&json!({ "sql": STATEMENT })).unwrap();
    let request = Request::post("/api/v1/sql").header("content-type", "application/json").body(Body::from(body));
    ask(&engine, request.unwrap()).await
}

fn options(spill_bytes: u64) -> (tempfile::TempDir, QueryOptions) {
    let dir = tempfile::tempdir().unwrap();
    let spill_dir = Some(dir.path().join("spill"));
    (dir, QueryOptions { memory_bytes: 32 << 20, parallelism: 2, spill_bytes, spill_dir, ..QueryOptions::default() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sort_of_more_than_the_memory_goes_to_disk_and_leaves_nothing_there() {
    let (dir, options) = options(1 << 30);
    std::fs::create_dir_all(dir.path().join("spill/gantry-spill/left-behind")).unwrap();
    std::fs::write(dir.path().join("spill/not-ours"), "x").unwrap();
    let (status, body) = ask_sql(options).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(body.contains("180004"), "{body}");
    assert_eq!(walk(&dir.path().join("spill")), [dir.path().join("spill/not-ours")], "only what is ours is removed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sort_of_more_than_memory_and_disk_is_refused_with_advice() {
    let (_dir, options) = options(1 << 10);
    let (_, body) = ask_sql(options).await;
    assert!(body.contains("query.spill_bytes"), "{body}");
}

/// Files below a directory.
fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
