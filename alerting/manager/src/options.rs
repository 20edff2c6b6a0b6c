//! The section `[alerting]`.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Who is told of alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertmanagerOptions {
    /// Alertmanager's configuration. Default none: alerts are taken and shown, and nobody is notified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<PathBuf>,
}
