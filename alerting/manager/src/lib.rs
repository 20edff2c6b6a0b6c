//! An Alertmanager: takes alerts, groups them along a routing tree, leaves out what is inhibited, silenced or muted, and
//! notifies receivers, as prometheus/alertmanager does.
//!
//! ```text
//!   put ──> Core (alerts, groups, silences, notification log) ──due──> Notification ──> receivers
//!            ^ pure, time is passed in                                     │
//!            └──────────────── what was sent ──────────────────────────────┘
//! ```
//!
//! What has to survive is in the `MetaStore` before anybody is told that it was taken. There is no outbox beside it: what is
//! to be sent follows from alerts and the notification log, after a crash as before it. It never evaluates rules.
//!
//! Start with [`Config::parse`], then [`Alertmanager`]; the semantics are in [`core`](Core).

mod alert;
mod config;
mod core;
mod data;
mod dispatch;
mod inhibit;
mod interval;
mod kept;
mod manager;
mod matchers;
mod metrics;
mod nflog;
mod options;
mod outward;
mod receive;
mod route;
mod silence;
mod template;
mod when;

pub use alert::{Alert, Fingerprint, InvalidAlert, PostedAlert};
pub use config::{Config, InvalidConfig};
pub use core::{Core, Filter, Notification, ShownAlert, ShownGroup};
pub use data::Data;

pub use interval::{InvalidInterval, TimeInterval};
pub use manager::{Alertmanager, AlertmanagerError};
pub use matchers::parse_matchers;
pub use options::AlertmanagerOptions;
pub use outward::Outward;
pub use route::Route;
pub use silence::{MatcherJson, NewSilence, Silence, SilenceError, SilenceState};
pub use when::written;
