//! Debian's `prometheus`.

use super::{Loki, eventually};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Killed when dropped.
#[derive(Debug)]
pub struct Prometheus {
    child: Child,
    pub api: Loki,
}

impl Prometheus {
    /// Takes remote writes in order, of any age, and keeps them below `dir`.
    pub async fn start(dir: &Path, port: u16) -> Prometheus {
        Prometheus::configured(dir, port, "global: {}\n").await
    }

    /// The same with a configuration of its own.
    pub async fn configured(dir: &Path, port: u16, text: &str) -> Prometheus {
        fs::create_dir_all(dir).unwrap();
        let config = dir.join("prometheus.yml");
        fs::write(&config, text).unwrap();
        let log = File::create(dir.join("prometheus.log")).unwrap();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", dir.join("tsdb").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.args(["--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=100y", "--log.level=warn"]);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().expect("prometheus is installed: run ./test.sh setup");
        let prometheus = Prometheus { child, api: Loki::new(format!("http://127.0.0.1:{port}")) };
        eventually("Prometheus is ready", Duration::from_secs(60), async || {
            prometheus.api.get("/-/ready").await.ok().filter(|answer| answer.status == 200).map(drop)
        })
        .await;
        prometheus
    }

    /// SIGKILL, and gone.
    pub fn stop(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
