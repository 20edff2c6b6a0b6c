//! Debian's `prometheus-alertmanager`.

use super::{Loki, eventually, free_port};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Killed when dropped.
#[derive(Debug)]
pub struct DebianAlertmanager {
    child: Child,
    pub api: Loki,
}

impl DebianAlertmanager {
    /// Alone, with what it keeps below `dir`.
    pub async fn start(dir: &Path, config: &str) -> DebianAlertmanager {
        fs::create_dir_all(dir).unwrap();
        let file = dir.join("alertmanager.yml");
        fs::write(&file, config).unwrap();
        let (port, log) = (free_port(), File::create(dir.join("alertmanager.log")).unwrap());
        let mut command = Command::new("prometheus-alertmanager");
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.path={}", dir.join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.args(["--cluster.listen-address=", "--log.level=warn"]);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().expect("prometheus-alertmanager is installed: run ./test.sh setup");
        let alertmanager = DebianAlertmanager { child, api: Loki::new(format!("http://127.0.0.1:{port}")) };
        eventually("Alertmanager is ready", Duration::from_secs(60), async || {
            alertmanager.api.get("/-/ready").await.ok().filter(|answer| answer.status == 200).map(drop)
        })
        .await;
        alertmanager
    }
}

impl Drop for DebianAlertmanager {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
