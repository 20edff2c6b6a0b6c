//! Splits on S3: SeaweedFS as the object store, from its PyPI package.

use crate::harness::{Launch, eventually, free_port, now_ns, venv};
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A SeaweedFS on free loopback ports, with one bucket; without identities it takes any key.
#[derive(Debug)]
struct Seaweed {
    child: Child,
    endpoint: String,
}

impl Seaweed {
    async fn start(dir: &Path) -> Seaweed {
        let log = File::create(dir.join("seaweed.log")).unwrap();
        let s3 = free_port();
        let mut command = Command::new(venv("weed"));
        command.arg("server").arg(format!("-dir={}", dir.display()));
        command.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]);
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.volumeSizeLimitMB=64", "-volume.max=8"]);
        command.arg(format!("-s3.port={s3}"));
        for name in ["master.port", "volume.port", "filer.port"] {
            command.arg(format!("-{name}={}", free_port())).arg(format!("-{name}.grpc={}", free_port()));
        }
        command.arg(format!("-s3.port.grpc={}", free_port()));
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let seaweed = Seaweed { child, endpoint: format!("http://127.0.0.1:{s3}") };
        let (http, bucket) = (reqwest::Client::new(), format!("{}/logs", seaweed.endpoint));
        eventually("SeaweedFS makes a bucket", Duration::from_secs(60), async || {
            http.put(&bucket).send().await.ok().filter(|answer| answer.status().is_success()).map(drop)
        })
        .await;
        seaweed
    }

    /// Keys below a prefix, as the listing has them.
    async fn keys(&self, prefix: &str) -> usize {
        let url = format!("{}/logs?list-type=2&prefix={prefix}", self.endpoint);
        reqwest::get(url).await.unwrap().text().await.unwrap().matches("<Key>").count()
    }
}

impl Drop for Seaweed {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn splits_on_s3_are_written_searched_compacted_and_found_after_a_restart() {
    let launch = Launch::new();
    let dir = launch.scratch().join("seaweed");
    std::fs::create_dir(&dir).unwrap();
    let seaweed = Seaweed::start(&dir).await;
    let launch = launch
        .set("store.object_store", "s3://logs/gantry")
        .set("store.s3__endpoint", &seaweed.endpoint)
        .set("store.s3__region", "us-east-1")
        .set("store.s3__access_key_id", "any")
        .set("store.s3__secret_access_key", "any")
        .set("store.s3__allow_http", true)
        .set("store.compact_min_splits", 2);
    let server = launch.start().await;
    let start = now_ns();
    for round in 0..4 {
        let lines: Vec<(u64, String)> = (0..500).map(|n| (now_ns() + n, format!("round {round} line {n}"))).collect();
        server.loki.push_ok(&[("app", "s3")], &lines).await;
        server.loki.flush().await;
    }
    assert!(seaweed.keys("gantry").await > 0, "no object in the bucket after a flush");
    let found = async |server: &crate::harness::Server| {
        server.loki.lines(r#"{app="s3"} |= "line 77""#, start, now_ns() + 1_000_000_000).await.len()
    };
    assert_eq!(found(&server).await, 4);
    server.stop().await;
    let server = launch.start().await;
    assert_eq!(found(&server).await, 4);
    server.loki.compact().await;
    assert_eq!(found(&server).await, 4);
    let total = server.loki.number(r#"sum(count_over_time({app="s3"}[1h]))"#, now_ns() + 1_000_000_000).await;
    assert_eq!(total, 2000.0);
    server.stop().await;
}
