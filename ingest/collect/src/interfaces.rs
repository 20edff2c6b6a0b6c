//! Tables in the form of `/proc/net/dev` (proc_pid_net(5)).

use crate::error::CollectError;
use crate::roots::parsed;
use std::path::Path;

/// Interfaces and their columns: 8 of what was received, 8 of what was sent.
pub(crate) fn table(path: &Path, text: &str) -> Result<Vec<(String, Vec<f64>)>, CollectError> {
    let rows = text.lines().skip(2).map(|line| {
        let Some((device, values)) = line.rsplit_once(':') else {
            return Err(CollectError::malformed(path, format!("no colon in {line:?}")));
        };
        let values: Result<Vec<f64>, CollectError> =
            values.split_whitespace().map(|value| parsed(path, value)).collect();
        Ok((device.trim().to_owned(), values?))
    });
    rows.collect()
}
