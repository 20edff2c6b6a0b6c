//! Pressure stall information: time lost because something was short (`Documentation/accounting/psi.rst`).

use crate::error::CollectError;
use crate::roots::parsed;
use std::path::Path;

/// In seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Stalls {
    /// In which some task waited.
    pub some: Option<f64>,
    /// In which no task could go on.
    pub full: Option<f64>,
}

pub(crate) fn totals(path: &Path, text: &str) -> Result<Stalls, CollectError> {
    let mut stalls = Stalls::default();
    for line in text.lines() {
        let mut fields = line.split_whitespace();
        let kind = fields.next().unwrap_or_default();
        let total = fields.find_map(|field| field.strip_prefix("total="));
        let total = total.map(|total| parsed(path, total)).transpose()?.map(|micros| micros / 1e6);
        match kind {
            "some" => stalls.some = total,
            "full" => stalls.full = total,
            _ => {}
        }
    }
    Ok(stalls)
}
