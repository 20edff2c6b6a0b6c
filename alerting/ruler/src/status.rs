//! How groups and rules are: what APIs show.

use crate::Language;
use gantry_alerting::{Alert, RuleGroup};
use gantry_model::TenantId;
use std::fmt;
use std::sync::Arc;

/// Where a group comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A file of the configuration, by its path.
    File(String),
    /// What a client stored, by its namespace.
    Namespace(String),
}

impl Origin {
    /// The path or the namespace.
    pub fn name(&self) -> &str {
        match self {
            Origin::File(name) | Origin::Namespace(name) => name,
        }
    }
}

/// Names a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId {
    pub tenant: TenantId,
    pub language: Language,
    pub origin: Origin,
    pub name: String,
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} ({}, tenant {})", self.name, self.origin.name(), self.language, self.tenant)
    }
}

/// Whether the last evaluation of a rule went well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuleHealth {
    #[default]
    Unknown,
    Ok,
    Err,
}

impl RuleHealth {
    /// As Prometheus writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            RuleHealth::Unknown => "unknown",
            RuleHealth::Ok => "ok",
            RuleHealth::Err => "err",
        }
    }
}

/// One rule after its last evaluation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleStatus {
    pub health: RuleHealth,
    pub last_error: String,
    /// Milliseconds since 1970; `None` before the first evaluation.
    pub last_ms: Option<i64>,
    /// Seconds.
    pub took: f64,
    /// Series that it wrote.
    pub series: usize,
    /// Alerts: pending, firing, and resolved of late.
    pub alerts: Vec<Alert>,
}

/// A group after its last evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupStatus {
    pub id: GroupId,
    pub group: Arc<RuleGroup>,
    pub interval_ms: i64,
    /// One for each rule of the group, in their order.
    pub rules: Vec<RuleStatus>,
    /// Milliseconds since 1970.
    pub last_ms: Option<i64>,
    /// Seconds.
    pub took: f64,
    /// Evaluations that were not done since the group was loaded.
    pub missed: u64,
}
