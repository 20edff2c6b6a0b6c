//! What was decided, and everything that led to it.

use crate::history::Panicking;
use gantry_platform_model::MetricSpec;
use serde::{Deserialize, Serialize};

/// A number of replicas with its grounds. `remember` it in the [`crate::History`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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
    /// Least and most replicas at that time, and the schedules that say so.
    pub range: (u32, u32),
    pub schedules: Vec<String>,
    /// There is, or was not long ago, a burst.
    pub panic: Option<Panicking>,
}

/// What one signal asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Proposal {
    pub metric: String,
    pub basis: Basis,
    /// The signal in thousandths; `None` when there is not one value.
    pub value: Option<i64>,
    /// When it was measured.
    pub at_ms: Option<i64>,
    /// How the number came about.
    pub formula: String,
    /// The replicas, or why the signal says nothing.
    #[serde(with = "outcome")]
    pub replicas: Result<u32, String>,
}

impl Decision {
    /// Nothing is known, so nothing changes.
    pub fn hold(at_ms: i64, current: u32, message: String) -> Decision {
        Decision {
            at_ms,
            current,
            desired: current,
            reason: Reason::NoSignal,
            message,
            proposals: Vec::new(),
            limits: Vec::new(),
            recommendation: None,
            active: false,
            range: (current, current),
            schedules: Vec::new(),
            panic: None,
        }
    }
}

/// What a proposal rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Basis {
    Measured,
    /// Only ever asks for more.
    Forecast,
    /// Counts in a panic.
    Burst,
}

impl Proposal {
    pub(crate) fn new(
        metric: &MetricSpec,
        basis: Basis,
        (value, at_ms): (Option<i128>, Option<i64>),
        outcome: Result<(u32, String), String>,
    ) -> Proposal {
        let value = value.map(|value| value.clamp(i64::MIN.into(), i64::MAX.into()) as i64);
        let (formula, replicas) = match outcome {
            Ok((replicas, formula)) => (formula, Ok(replicas)),
            Err(why) => (String::new(), Err(why)),
        };
        Proposal { metric: metric.name.clone(), basis, value, at_ms, formula, replicas }
    }
}

/// A limit that changed a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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
    /// A burst, now or not long ago.
    Panic,
}

/// `5`, or `{"missing": "the query returned nothing"}`.
mod outcome {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Outcome {
        Replicas(u32),
        Missing { missing: String },
    }

    pub fn serialize<S: Serializer>(replicas: &Result<u32, String>, serializer: S) -> Result<S::Ok, S::Error> {
        match replicas {
            Ok(replicas) => Outcome::Replicas(*replicas),
            Err(why) => Outcome::Missing { missing: why.clone() },
        }
        .serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Result<u32, String>, D::Error> {
        Ok(match Outcome::deserialize(deserializer)? {
            Outcome::Replicas(replicas) => Ok(replicas),
            Outcome::Missing { missing } => Err(missing),
        })
    }
}
