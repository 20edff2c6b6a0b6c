//! What is kept of a policy between looks at it, and over a restart: in the [`MetaStore`], below `scale/`.

use crate::scaler::PolicyId;
use gantry_meta::{MetaError, MetaStore, Op};
use gantry_planner::{Decision, History};
use serde::{Deserialize, Serialize};

/// A decision and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// Counts the decisions of a policy.
    pub number: u64,
    pub decision: Decision,
    pub outcome: Outcome,
}

/// What came of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// There was nothing to change.
    Unchanged,
    /// Nobody is told: others ask.
    Advised,
    /// The executor took it over.
    Applied,
    /// The executor did not; it is asked again at the next look.
    Failed(String),
}

impl Outcome {
    pub fn as_str(&self) -> &'static str {
        match self {
            Outcome::Unchanged => "unchanged",
            Outcome::Advised => "advised",
            Outcome::Applied => "applied",
            Outcome::Failed(_) => "failed",
        }
    }
}

/// What the next look needs of earlier ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    pub history: History,
    /// Replicas that were last made so.
    pub replicas: Option<u32>,
    pub ordered: Option<Ordered>,
    /// Decisions so far.
    pub number: u64,
}

/// A change that is under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ordered {
    pub replicas: u32,
    pub key: String,
    /// The executor took it over.
    pub taken: bool,
}

fn state_key(id: &PolicyId) -> String {
    format!("scale/state/{}/{}", id.tenant, id.name)
}

fn decisions_key(id: &PolicyId) -> String {
    format!("scale/decision/{}/{}/", id.tenant, id.name)
}

/// Bytes that cannot be read count as none: a policy begins anew rather than not at all.
fn read<T: serde::de::DeserializeOwned>(key: &str, bytes: &[u8]) -> Option<T> {
    let read = serde_json::from_slice(bytes);
    read.inspect_err(|error| tracing::error!(key, %error, "what was kept of a policy cannot be read")).ok()
}

pub(crate) async fn load(meta: &dyn MetaStore, id: &PolicyId) -> Result<State, MetaError> {
    let key = state_key(id);
    Ok(meta.get(&key).await?.and_then(|entry| read(&key, &entry.value)).unwrap_or_default())
}

/// Keeps the state; with a decision, that too, in place of the one `most` before it.
pub(crate) async fn keep(
    meta: &dyn MetaStore,
    id: &PolicyId,
    state: &State,
    decided: Option<(&Decided, u32)>,
) -> Result<(), MetaError> {
    let bytes = |value: serde_json::Result<Vec<u8>>| value.expect("plain data can be written as JSON");
    let mut ops = vec![Op::put(state_key(id), bytes(serde_json::to_vec(state)))];
    if let Some((decided, most)) = decided {
        let slot = decided.number % u64::from(most.max(1));
        ops.push(Op::put(format!("{}{slot:04}", decisions_key(id)), bytes(serde_json::to_vec(decided))));
    }
    meta.txn(Vec::new(), ops).await.map(drop)
}

/// Decisions that are kept, the newest first.
pub(crate) async fn decisions(meta: &dyn MetaStore, id: &PolicyId) -> Result<Vec<Decided>, MetaError> {
    let entries = meta.range(&decisions_key(id)).await?;
    let mut found: Vec<Decided> = entries.iter().filter_map(|entry| read(&entry.key, &entry.value)).collect();
    found.sort_by_key(|decided| std::cmp::Reverse(decided.number));
    Ok(found)
}

/// What forgets a policy.
pub(crate) async fn forget(meta: &dyn MetaStore, id: &PolicyId) -> Result<Vec<Op>, MetaError> {
    let entries = meta.range(&decisions_key(id)).await?;
    Ok(entries.into_iter().map(|entry| entry.key).chain([state_key(id)]).map(Op::delete).collect())
}
