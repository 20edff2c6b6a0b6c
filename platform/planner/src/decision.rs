//! What was decided, and everything that led to it.

use serde::{Deserialize, Serialize};

/// A number of replicas with its grounds. `remember` it in the [`crate::History`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub at_ms: i64,
    pub current: u32,
    pub desired: u32,
    pub reason: Reason,
    /// One sentence for people.
    pub message: String,
    /// What each signal asked for, in the order of the policy.
    pub proposals: Vec<Proposal>,
    /// What changed the highest proposal, in the order in which it did.
    pub limits: Vec<Limited>,
    /// What was asked for before it was limited; `None` when signals did not count.
    pub recommendation: Option<u32>,
    /// A signal was above the threshold of activation.
    pub active: bool,
}

/// What one signal asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    pub metric: String,
    /// The signal in words.
    pub input: String,
    /// How the number came about.
    pub formula: String,
    /// The replicas, or why the signal says nothing.
    pub replicas: Result<u32, String>,
}

/// A limit that changed a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limited {
    pub by: Reason,
    pub from: u32,
    pub to: u32,
}

/// Why; named as the conditions of Kubernetes are where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// Nothing limited what the signals asked for.
    DesiredWithinRange,
    /// The policy has problems: hold.
    BadPolicy,
    /// There are 0 replicas and the policy does not go to 0: somebody stopped it.
    ScalingDisabled,
    TooManyReplicas,
    TooFewReplicas,
    ScaleUpLimit,
    ScaleDownLimit,
    ScaleUpStabilized,
    ScaleDownStabilized,
    /// No signal can be believed: hold.
    NoSignal,
    /// Some signals cannot be believed and the others ask for less: hold.
    SomeSignalsMissing,
    /// Signals woke what was at 0.
    Activated,
    /// Idle for as long as the policy wants.
    Idle,
    /// Idle, but not for long enough to go to 0.
    CoolingDown,
}
