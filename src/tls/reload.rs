//! New files in place of old ones: certificates are renewed while the server runs.

use super::{Tls, files};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio_util::sync::CancellationToken;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// Time of change and size of each file; `None` for one that is not there.
type Stamps = Vec<Option<(SystemTime, u64)>>;

impl Tls {
    /// Looks at the files until `stop`, and uses new ones for new connections. Files that cannot be used are said once and
    /// the old ones stay in use.
    pub async fn follow_files(self: Arc<Self>, stop: CancellationToken) -> anyhow::Result<()> {
        let mut seen = self.stamps();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(INTERVAL) => {}
            }
            let now = self.stamps();
            if now != seen {
                seen = now;
                self.reload();
            }
        }
    }

    /// Reads the files again.
    pub(super) fn reload(&self) {
        match files::server_config(&self.options) {
            Ok(config) => {
                *self.current.write() = config;
                tracing::info!("the certificate was read again");
            }
            Err(cause) => tracing::warn!("the new certificate cannot be used, the old one stays: {cause:#}"),
        }
    }

    fn stamps(&self) -> Stamps {
        let files = [&self.options.cert, &self.options.key, &self.options.client_ca];
        files.into_iter().flatten().map(|file| stamp(file)).collect()
    }
}

fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
