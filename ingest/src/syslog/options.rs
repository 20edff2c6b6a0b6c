//! [`SyslogOptions`].

use crate::multiline::{Joining, MultilineOptions};
use crate::options::duration;
use gantry_model::TenantId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What of a message can become a label; what does not becomes structured metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyslogField {
    /// Label `host`.
    Host,
    /// Label `app`: the application name or tag.
    App,
    /// Label `level`: `emergency` to `debug`.
    Level,
    /// Label `facility`: `kern`, `user`, `daemon`, ...
    Facility,
}

impl SyslogField {
    pub(super) const ALL: [SyslogField; 4] =
        [SyslogField::Host, SyslogField::App, SyslogField::Level, SyslogField::Facility];

    pub(super) fn name(self) -> &'static str {
        match self {
            SyslogField::Host => "host",
            SyslogField::App => "app",
            SyslogField::Level => "level",
            SyslogField::Facility => "facility",
        }
    }
}

/// How a syslog listener reads. Durations are written as `"200ms"`; sizes are bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SyslogOptions {
    /// Whose lines they are. Default `default`.
    pub tenant: TenantId,
    /// Which fields become labels. Default host, app and level.
    pub labels: Vec<SyslogField>,
    /// Labels of every line. Default `source="syslog"`.
    pub fixed_labels: BTreeMap<String, String>,
    /// Longest frame, in bytes; longer ones are skipped and counted. Default 64 KiB.
    pub max_frame_bytes: usize,
    /// Most TCP connections at a time; further ones are closed at once and counted. Default 256.
    pub max_connections: usize,
    /// A TCP connection that is silent for so long is closed. Default 1 hour.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
    /// A batch of so many bytes is submitted. Default 256 KiB.
    pub batch_bytes: usize,
    /// A batch is submitted when its first line is so old. Default 200 ms.
    #[serde(with = "duration")]
    pub batch_age: Duration,
    /// How messages of one stream are joined to entries such as stack traces.
    pub multiline: MultilineOptions,
    /// Minutes east of UTC of the clocks whose RFC 3164 timestamps, which have no zone, are read. Default 0.
    pub utc_offset_minutes: i32,
}

impl Default for SyslogOptions {
    fn default() -> Self {
        SyslogOptions {
            tenant: TenantId::default_tenant(),
            labels: vec![SyslogField::Host, SyslogField::App, SyslogField::Level],
            fixed_labels: BTreeMap::from([("source".to_owned(), "syslog".to_owned())]),
            max_frame_bytes: 64 * 1024,
            max_connections: 256,
            idle_timeout: Duration::from_secs(3600),
            batch_bytes: 256 * 1024,
            batch_age: Duration::from_millis(200),
            multiline: MultilineOptions::default(),
            utc_offset_minutes: 0,
        }
    }
}

impl SyslogOptions {
    /// How to join; options that make no sense, which [`MultilineOptions::check`] tells beforehand, join nothing.
    pub(super) fn joining(&self) -> Option<Joining> {
        Joining::new(&self.multiline, self.max_frame_bytes).ok().flatten()
    }
}
