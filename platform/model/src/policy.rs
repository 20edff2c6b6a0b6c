//! A policy of scaling as data: the fields of Kubernetes' HorizontalPodAutoscaler v2, and scaling to zero as KEDA does it.
//!
//! [`ScalePolicy::problems`] says everything that is wrong at once. It never decides: that is the planner.

use crate::schedule::Schedule;
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior: Option<Behavior>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_zero: Option<ToZero>,
    /// The highest least and the lowest most of those in force count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<Schedule>,
    /// For bursts; `None`: they are met as everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panic: Option<Panic>,
}

/// A question to what is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Query {
    Promql(String),
    Logql(String),
    Sql(String),
}

impl Query {
    /// The language's name in a policy, and the text.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Query::Promql(text) => ("promql", text),
            Query::Logql(text) => ("logql", text),
            Query::Sql(text) => ("sql", text),
        }
    }
}

/// What to do about bursts, as Knative's autoscaler does: what a metric's `burst` asks for counts at once, without
/// stabilisation or rates, and nothing is scaled down until it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Panic {
    /// A burst that asks for this share of the ready replicas, in percent, starts it.
    #[serde(default = "two_hundred")]
    pub threshold_percent: u32,
    /// How long it goes on after the last such moment.
    #[serde(default = "minute")]
    pub window_seconds: Period,
}

/// A look ahead: what the signal was at this time of earlier seasons, and which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Forecast {
    #[serde(default)]
    pub method: Method,
    /// How far ahead: about the time that a replica needs until it is ready.
    #[serde(default = "five_minutes")]
    pub horizon_seconds: Period,
    #[serde(default = "day")]
    pub season_seconds: Period,
    /// How many seasons are looked at; two at least are needed.
    #[serde(default = "seven")]
    pub seasons: u32,
    /// Distance of the values that are looked at.
    #[serde(default = "five_minutes")]
    pub step_seconds: Period,
}

/// How the future is guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Method {
    /// The value of a season ago, with the change from season to season.
    #[default]
    SeasonalNaive,
    /// Level, trend and season, each smoothed (Holt and Winters, additive).
    HoltWinters,
}

/// One signal with the value that it should have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct MetricSpec {
    pub name: String,
    /// `None`: the signal comes from the one who runs the replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Query>,
    /// The same signal over a short window, for [`Panic`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<Query>,
    /// Off when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
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
    Value(#[serde(with = "crate::quantity")] i64),
    /// The signal divided by the replicas.
    AverageValue(#[serde(with = "crate::quantity")] i64),
    /// Percent of what the replicas requested. Of a query: every series is a replica, and its value the percent that it uses.
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
    #[serde(default, with = "crate::quantity")]
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

fn day() -> Period {
    86_400
}

fn seven() -> u32 {
    7
}

fn two_hundred() -> u32 {
    200
}

impl Default for Panic {
    fn default() -> Self {
        Panic { threshold_percent: two_hundred(), window_seconds: minute() }
    }
}

impl Forecast {
    /// The most values that are looked at.
    const MOST_VALUES: u64 = 20_000;

    fn problems(&self) -> Option<String> {
        let (season, step) = (self.season_seconds, self.step_seconds);
        if step == 0 || season < 2 * step || season % step != 0 {
            return Some("forecast: seasonSeconds must be a multiple of stepSeconds, at least twice it".into());
        }
        if self.seasons < 2 || u64::from(self.seasons) * u64::from(season / step) > Self::MOST_VALUES {
            return Some(format!(
                "forecast: seasons must be at least 2, and all of them at most {} steps",
                Self::MOST_VALUES
            ));
        }
        if self.horizon_seconds > season {
            return Some("forecast: horizonSeconds must not be above seasonSeconds".into());
        }
        None
    }
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
            if self.metrics[..at].iter().any(|other| other.name == metric.name) {
                found.push(format!("metrics[{at}]: there is another metric {:?}", metric.name));
            }
            if matches!(metric.target, Target::Utilization(_)) && (metric.burst.is_some() || metric.forecast.is_some())
            {
                found.push(format!("metrics[{at}] ({}): utilization has neither burst nor forecast", metric.name));
            }
            found.extend(
                metric.forecast.and_then(|f| f.problems()).map(|why| format!("metrics[{at}] ({}): {why}", metric.name)),
            );
        }
        let of_replicas = |metric: &MetricSpec| matches!(metric.target, Target::Utilization(_));
        if self.min_replicas == 0 && self.metrics.iter().all(of_replicas) {
            found.push("minReplicas 0 needs a metric that exists without replicas, not only utilization".to_owned());
        }
        if self.to_zero.is_some() && self.min_replicas != 0 {
            found.push("toZero needs minReplicas 0".to_owned());
        }
        for (at, schedule) in self.schedules.iter().enumerate() {
            let problems = schedule.problems(self.max_replicas).into_iter();
            found.extend(problems.map(|why| format!("schedules[{at}] ({}): {why}", schedule.name)));
        }
        if let Some(panic) = self.panic {
            if !(101..=1000).contains(&panic.threshold_percent) || !(1..=3600).contains(&panic.window_seconds) {
                found.push(
                    "panic: thresholdPercent must be between 101 and 1000, windowSeconds between 1 and 3600".into(),
                );
            }
            if self.metrics.iter().all(|metric| metric.burst.is_none()) {
                found.push("panic needs a metric with a burst".to_owned());
            }
        }
        if let Some(behavior) = &self.behavior {
            behavior.scale_up.problems("scaleUp", &mut found);
            behavior.scale_down.problems("scaleDown", &mut found);
        }
        found
    }
}

#[cfg(test)]
mod tests;
