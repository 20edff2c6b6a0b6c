//! A policy of scaling as data: the fields of Kubernetes' HorizontalPodAutoscaler v2, and scaling to zero as KEDA does it.
//!
//! [`ScalePolicy::problems`] says everything that is wrong at once. It never decides: that is the planner.

use serde::{Deserialize, Serialize};

/// Seconds.
pub type Period = u32;

/// How many replicas there should be, and what that depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScalePolicy {
    /// 0 only with a metric that does not come from replicas.
    #[serde(default = "one")]
    pub min_replicas: u32,
    pub max_replicas: u32,
    pub metrics: Vec<MetricSpec>,
    /// `None`: the rules of before there was a behaviour, which differ from its defaults.
    #[serde(default)]
    pub behavior: Option<Behavior>,
    #[serde(default)]
    pub to_zero: Option<ToZero>,
}

/// One signal with the value that it should have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct MetricSpec {
    pub name: String,
    pub target: Target,
    /// A signal that is older is not believed. Seconds.
    #[serde(default = "minute")]
    pub max_age_seconds: Period,
}

/// What a signal should be. Quantities are thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// The signal itself.
    Value(i64),
    /// The signal divided by the replicas.
    AverageValue(i64),
    /// Percent of what the replicas requested.
    Utilization(i64),
}

/// How fast, and after how long.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Behavior {
    pub scale_up: Direction,
    pub scale_down: Direction,
}

/// One direction; what is absent has Kubernetes' defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Direction {
    pub stabilization_window_seconds: Option<Period>,
    pub select_policy: Select,
    pub policies: Option<Vec<RatePolicy>>,
    /// Share of the target; 0.1 when absent.
    pub tolerance: Option<f64>,
}

/// Which of several policies counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Select {
    /// The one that lets most change.
    #[default]
    Max,
    /// The one that lets least change.
    Min,
    /// Nothing may change.
    Disabled,
}

/// How much may change in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RatePolicy {
    #[serde(rename = "type")]
    pub kind: RateKind,
    pub value: u32,
    pub period_seconds: Period,
}

/// What the value of a [`RatePolicy`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RateKind {
    Pods,
    Percent,
}

/// Down to nothing, and up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ToZero {
    /// A signal above this (thousandths) wakes; all at or below it are idle.
    #[serde(default)]
    pub activation: i64,
    /// How long all must have been idle.
    #[serde(default = "five_minutes")]
    pub cooldown_seconds: Period,
}

fn one() -> u32 {
    1
}

fn minute() -> Period {
    60
}

fn five_minutes() -> Period {
    300
}

impl Direction {
    /// The policies of this direction; those of Kubernetes when none are given.
    pub fn rates(&self, up: bool) -> Vec<RatePolicy> {
        let rate = |kind, value| RatePolicy { kind, value, period_seconds: 15 };
        match &self.policies {
            Some(given) => given.clone(),
            None if up => vec![rate(RateKind::Percent, 100), rate(RateKind::Pods, 4)],
            None => vec![rate(RateKind::Percent, 100)],
        }
    }

    fn problems(&self, name: &str, found: &mut Vec<String>) {
        if self.stabilization_window_seconds.is_some_and(|window| window > 3600) {
            found.push(format!("behavior.{name}.stabilizationWindowSeconds must be at most 3600"));
        }
        if self.tolerance.is_some_and(|tolerance| !(tolerance >= 0.0 && tolerance.is_finite())) {
            found.push(format!("behavior.{name}.tolerance must be a number of at least 0"));
        }
        if self.policies.as_ref().is_some_and(Vec::is_empty) {
            found
                .push(format!("behavior.{name}.policies must have at least one policy; leave it out for the defaults"));
        }
        for (at, policy) in self.policies.iter().flatten().enumerate() {
            if policy.value == 0 {
                found.push(format!("behavior.{name}.policies[{at}].value must be above 0"));
            }
            if !(1..=1800).contains(&policy.period_seconds) {
                found.push(format!("behavior.{name}.policies[{at}].periodSeconds must be between 1 and 1800"));
            }
        }
    }
}

impl ScalePolicy {
    /// Everything that is wrong, in words for the one who wrote the policy. Empty when nothing is.
    pub fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.max_replicas == 0 {
            found.push("maxReplicas must be at least 1".to_owned());
        }
        if self.min_replicas > self.max_replicas {
            found.push(format!("minReplicas ({}) is above maxReplicas ({})", self.min_replicas, self.max_replicas));
        }
        if self.metrics.is_empty() {
            found.push("metrics: at least one is needed".to_owned());
        }
        for (at, metric) in self.metrics.iter().enumerate() {
            let (Target::Value(target) | Target::AverageValue(target) | Target::Utilization(target)) = metric.target;
            if target <= 0 {
                found.push(format!("metrics[{at}] ({}): the target must be above 0", metric.name));
            }
        }
        let of_replicas = |metric: &MetricSpec| matches!(metric.target, Target::Utilization(_));
        if self.min_replicas == 0 && self.metrics.iter().all(of_replicas) {
            found.push("minReplicas 0 needs a metric that exists without replicas, not only utilization".to_owned());
        }
        if self.to_zero.is_some() && self.min_replicas != 0 {
            found.push("toZero needs minReplicas 0".to_owned());
        }
        if let Some(behavior) = &self.behavior {
            behavior.scale_up.problems("scaleUp", &mut found);
            behavior.scale_down.problems("scaleDown", &mut found);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_has_kubernetes_field_names_and_defaults() {
        let text = r#"{"maxReplicas": 5, "metrics": [{"name": "qps", "target": {"averageValue": 100000}}],
            "behavior": {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}}}"#;
        let policy: ScalePolicy = serde_json::from_str(text).unwrap();
        assert_eq!((policy.min_replicas, policy.problems()), (1, vec![]));
        let behavior = policy.behavior.unwrap();
        assert_eq!(behavior.scale_up.rates(true).len(), 2, "a direction that is not given has its defaults");
        assert_eq!(behavior.scale_down.rates(false).len(), 1);
    }

    #[test]
    fn unknown_fields_are_refused() {
        let text = r#"{"maxReplicas": 5, "metrics": [], "minReplica": 1}"#;
        assert!(serde_json::from_str::<ScalePolicy>(text).unwrap_err().to_string().contains("minReplica"));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let text = r#"{"minReplicas": 0, "maxReplicas": 0, "metrics": [{"name": "cpu", "target": {"utilization": 0}}],
            "behavior": {"scaleUp": {"stabilizationWindowSeconds": 3601, "tolerance": -1, "policies": []},
                         "scaleDown": {"policies": [{"type": "Percent", "value": 0, "periodSeconds": 1801}]}}}"#;
        let policy: ScalePolicy = serde_json::from_str(text).unwrap();
        assert_eq!(policy.problems().len(), 8, "{:#?}", policy.problems());
    }
}
