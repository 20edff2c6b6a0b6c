//! What the ruler needs of others.

use crate::GroupId;
use async_trait::async_trait;
use gantry_alerting::{Evaluate, Expand, ForState, Notice};
use gantry_model::{LabelSet, TenantId};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// What a rule's expression is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    Promql,
    Logql,
}

impl Language {
    pub const ALL: [Language; 2] = [Language::Promql, Language::Logql];

    pub fn as_str(self) -> &'static str {
        match self {
            Language::Promql => "promql",
            Language::Logql => "logql",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Queries, storage and templates. All calls but `check` come from threads that may block.
pub trait Engines: Send + Sync {
    /// What is wrong with an expression.
    ///
    /// # Errors
    /// The problem, in the words of the language.
    fn check(&self, language: Language, expr: &str) -> Result<(), String>;

    /// The data of a tenant.
    fn evaluate(&self, tenant: &TenantId, language: Language) -> Box<dyn Evaluate + Send>;

    /// What fills in templates for a tenant.
    fn expand(&self, tenant: &TenantId, language: Language) -> Box<dyn Expand + Send>;

    /// Where an expression can be looked at: the link of an alert.
    fn link(&self, language: Language, expr: &str) -> String;

    /// The last point of each series `ALERTS_FOR_STATE` that is not older than `since_ms`, even of a series that has ended.
    ///
    /// # Errors
    /// Why they could not be read.
    fn for_states(&self, tenant: &TenantId, since_ms: i64, now_ms: i64) -> Result<Vec<(LabelSet, ForState)>, String>;
}

/// An alert to tell of.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Its labels have the external ones, too.
    pub notice: Notice,
    /// Where the expression can be looked at.
    pub generator_url: String,
}

/// Tells of alerts. It must not lose them while it lives, and must not wait for the world: an evaluation waits for it.
#[async_trait]
pub trait Notify: Send + Sync {
    async fn notify(&self, group: &GroupId, alerts: Vec<Told>);

    /// After a start and an evaluation: what the group told before and is not in `known` is over. False: call it again after the
    /// next one, since that cannot be said of all yet.
    async fn settle(&self, _group: &GroupId, _known: &BTreeSet<LabelSet>) -> bool {
        true
    }
}
