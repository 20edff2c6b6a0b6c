//! Who knows what people would have been sent.

use crate::report::{Episode, Notification};

/// What an Alertmanager would have sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// In order of time.
    pub notifications: Vec<Notification>,
    /// What is to be known of them.
    pub remarks: Vec<String>,
}

/// Routes and groups alerts over time.
pub trait Deliver {
    /// What would have been sent of these episodes, which are in order of their beginnings, up to `end_ms`.
    fn deliver(&mut self, episodes: &[Episode], end_ms: i64) -> Sent;
}
