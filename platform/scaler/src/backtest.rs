//! What a policy would have done: stored signals are replayed through the planner with the time of then.
//!
//! Each metric is read once, over the whole range. The replicas are a model: what is decided is there at once, and ready some
//! time later; a signal does not change because there would have been more replicas. The same range is replayed for what it is
//! compared with: another policy, a fixed number, or the numbers that a query says there were.

use crate::gather::past;
use crate::seam::{Signals, Span};
use futures::future::try_join_all;
use gantry_model::TenantId;
use gantry_planner::{History, Observed, Prediction, Reading, Reason, Signal, forecast, plan};
use gantry_platform_model::{Forecast, MetricSpec, Policy, Query, Target, quantity};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Most decisions of one replay: more than a year at 15 s.
const MOST_STEPS: usize = 2_200_000;
/// Points that are shown.
const SHOWN: usize = 1_000;

/// What to replay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BacktestRequest {
    pub policy: Policy,
    /// In milliseconds since 1970.
    pub start_ms: i64,
    pub end_ms: i64,
    /// What it is compared with; absent: the policy of this name that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    /// Until a replica is ready, in seconds.
    #[serde(default = "thirty")]
    pub ready_after_seconds: u32,
    /// Replicas at the start; absent: the least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<u32>,
}

fn thirty() -> u32 {
    30
}

/// What a policy is compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Against {
    Replicas(u32),
    Policy(Box<Policy>),
    /// The replicas that there were.
    Query(Query),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BacktestReport {
    pub step_ms: i64,
    pub candidate: Course,
    pub against: Option<Course>,
}

/// One replay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Course {
    pub name: String,
    pub replica_hours: f64,
    /// Time in which the ready replicas were fewer than a signal's target asks for.
    pub hours_above_target: f64,
    /// Time in which no signal could be read.
    pub hours_without_signal: f64,
    pub changes: u64,
    pub least: u32,
    pub most: u32,
    /// Decisions by their reason.
    pub reasons: BTreeMap<String, u64>,
    /// Times in milliseconds and replicas: the most of each stretch, at most a thousand.
    pub replicas: Vec<(i64, u32)>,
    /// What the signals asked for, as far as they could be read.
    pub needed: Vec<(i64, Option<u32>)>,
}

/// A metric's values at each step, and its forecasts.
struct Replayed<'p> {
    spec: &'p MetricSpec,
    values: Vec<Option<f64>>,
    burst: Option<Vec<Option<f64>>>,
    history: Option<(Forecast, Span, Vec<Option<f64>>)>,
    ahead: Option<(usize, Result<Prediction, String>)>,
}

/// Replays a request. Reading waits; planning takes a thread that may block.
///
/// # Errors
/// What is wrong with the request, or why signals cannot be read.
pub async fn backtest(
    signals: &dyn Signals,
    tenant: &TenantId,
    request: BacktestRequest,
) -> Result<BacktestReport, String> {
    let BacktestRequest { policy, start_ms, end_ms, against, ready_after_seconds, initial } = request;
    let problems = policy.problems();
    if !problems.is_empty() {
        return Err(problems.join("; "));
    }
    let span = span_of(&policy, start_ms, end_ms)?;
    let ready_ms = i64::from(ready_after_seconds) * 1000;
    let candidate = replay(signals, tenant, policy.clone(), span, (ready_ms, initial)).await?;
    let against = match against {
        None => None,
        Some(Against::Policy(other)) => {
            let problems = other.problems();
            if !problems.is_empty() {
                return Err(format!("the policy to compare with: {}", problems.join("; ")));
            }
            let span = span_of(&other, start_ms, end_ms)?;
            Some(replay(signals, tenant, *other, span, (ready_ms, initial)).await?)
        }
        Some(Against::Replicas(count)) => {
            let there = vec![Some(f64::from(count)); span.count()];
            Some(observed(signals, tenant, &policy, span, (format!("{count} replicas"), there)).await?)
        }
        Some(Against::Query(query)) => {
            let there = signals.read_span(tenant, &query, span).await?;
            Some(observed(signals, tenant, &policy, span, ("the replicas there were".to_owned(), there)).await?)
        }
    };
    Ok(BacktestReport { step_ms: span.step_ms, candidate, against })
}

fn span_of(policy: &Policy, start_ms: i64, end_ms: i64) -> Result<Span, String> {
    let step_ms = i64::from(policy.interval_seconds) * 1000;
    let span = Span { start_ms, end_ms, step_ms };
    if end_ms <= start_ms || span.count() > MOST_STEPS {
        return Err(format!("the range must have 1 to {MOST_STEPS} intervals of the policy"));
    }
    Ok(span)
}

async fn read<'p>(
    signals: &dyn Signals,
    tenant: &TenantId,
    spec: &'p MetricSpec,
    span: Span,
) -> Result<Replayed<'p>, String> {
    let named = |why: String| format!("metric {}: {why}", spec.name);
    let query = spec.query.as_ref().ok_or_else(|| named("it has no query".to_owned()))?;
    if matches!(spec.target, Target::Utilization(_)) {
        let why = "a utilization cannot be replayed: it would have been another one with other replicas";
        return Err(named(why.to_owned()));
    }
    let values = signals.read_span(tenant, query, span).await.map_err(named)?;
    let burst = match &spec.burst {
        None => None,
        Some(burst) => Some(signals.read_span(tenant, burst, span).await.map_err(named)?),
    };
    let history = match spec.forecast {
        None => None,
        Some(forecast) => {
            let back = Span { end_ms: span.end_ms, ..past(&forecast, span.start_ms) };
            let values = signals.read_span(tenant, query, back).await.map_err(named)?;
            Some((forecast, back, values))
        }
    };
    Ok(Replayed { spec, values, burst, history, ahead: None })
}

fn reading(value: Option<f64>) -> Reading {
    value.and_then(quantity::of).map_or_else(|| Reading::Total(Vec::new()), |value| Reading::Total(vec![value]))
}

impl Replayed<'_> {
    fn signal(&mut self, step: usize, now_ms: i64) -> Signal {
        let at = |values: &[Option<f64>]| reading(values.get(step).copied().flatten());
        let burst = self.burst.as_deref().map(at);
        let reading = at(&self.values);
        let ahead = self.look_ahead(now_ms);
        Signal { burst, ahead, ..Signal::new(self.spec.name.clone(), now_ms, reading) }
    }

    /// The forecast of this step of the forecast, made once.
    fn look_ahead(&mut self, now_ms: i64) -> Option<Result<Prediction, String>> {
        let (spec, back, values) = self.history.as_ref()?;
        let newest = usize::try_from((now_ms - back.start_ms) / back.step_ms).unwrap_or(0).min(values.len() - 1);
        if self.ahead.as_ref().is_none_or(|(at, _)| *at != newest) {
            self.ahead = Some((newest, forecast(spec, &values[..=newest])));
        }
        self.ahead.as_ref().map(|(_, ahead)| ahead.clone())
    }

    /// Replicas that the target asks for, when so many are ready.
    fn needed(&self, step: usize, ready: u32) -> Option<f64> {
        let value = self.values.get(step).copied().flatten()?;
        match self.spec.target {
            Target::AverageValue(target) => Some(value * 1000.0 / target as f64),
            Target::Value(target) => Some(value * 1000.0 / target as f64 * f64::from(ready)),
            Target::Utilization(_) => None,
        }
    }
}

async fn read_all<'p>(
    signals: &dyn Signals,
    tenant: &TenantId,
    policy: &'p Policy,
    span: Span,
) -> Result<Vec<Replayed<'p>>, String> {
    try_join_all(policy.scale.metrics.iter().map(|spec| read(signals, tenant, spec, span))).await
}

/// Sums up a replay as it goes.
struct Tally {
    course: Course,
    hours: f64,
    /// Steps of a stretch of which one point is shown.
    stretch: usize,
    tolerance: f64,
}

impl Tally {
    fn new(name: String, span: Span, policy: &Policy) -> Tally {
        let up = policy.scale.behavior.as_ref().and_then(|behavior| behavior.scale_up.tolerance);
        let course = Course { name, least: u32::MAX, ..Course::default() };
        let stretch = span.count().div_ceil(SHOWN).max(1);
        Tally { course, hours: span.step_ms as f64 / 3_600_000.0, stretch, tolerance: up.unwrap_or(0.1) }
    }

    fn add(&mut self, step: usize, at_ms: i64, (replicas, ready): (u32, u32), needed: Option<f64>) {
        let course = &mut self.course;
        course.replica_hours += f64::from(replicas) * self.hours;
        course.least = course.least.min(replicas);
        course.most = course.most.max(replicas);
        match needed {
            None => course.hours_without_signal += self.hours,
            Some(needed) if needed > f64::from(ready) * (1.0 + self.tolerance) => {
                course.hours_above_target += self.hours
            }
            Some(_) => {}
        }
        let needed = needed.map(|needed| needed.max(0.0).ceil() as u32);
        if step.is_multiple_of(self.stretch) {
            course.replicas.push((at_ms, replicas));
            course.needed.push((at_ms, needed));
        } else if let (Some(shown), Some(asked)) = (course.replicas.last_mut(), course.needed.last_mut()) {
            shown.1 = shown.1.max(replicas);
            asked.1 = asked.1.max(needed);
        }
    }
}

/// The highest need of all metrics.
fn highest(metrics: &[Replayed<'_>], step: usize, ready: u32) -> Option<f64> {
    metrics.iter().filter_map(|metric| metric.needed(step, ready)).reduce(f64::max)
}

/// A policy, as the scaler would have run it.
async fn replay(
    signals: &dyn Signals,
    tenant: &TenantId,
    policy: Policy,
    span: Span,
    (ready_ms, initial): (i64, Option<u32>),
) -> Result<Course, String> {
    let mut metrics = read_all(signals, tenant, &policy, span).await?;
    let (mut tally, mut history) = (Tally::new(policy.name.clone(), span, &policy), History::default());
    let mut current = initial.unwrap_or(policy.scale.min_replicas).min(policy.scale.max_replicas);
    // Replicas that are ready, and those that will be, with the time when.
    let (mut ready, mut starting) = (current, VecDeque::<(i64, u32)>::new());
    for step in 0..span.count() {
        // Others want to be served meanwhile.
        if step % 256 == 255 {
            tokio::task::yield_now().await;
        }
        let now_ms = span.start_ms + step as i64 * span.step_ms;
        while let Some((_, more)) = starting.pop_front_if(|(at_ms, _)| *at_ms <= now_ms) {
            ready += more;
        }
        let signals: Vec<Signal> = metrics.iter_mut().map(|metric| metric.signal(step, now_ms)).collect();
        let decision = plan(&policy.scale, &Observed { current, ready }, &signals, &history, now_ms);
        history.remember(&decision, true);
        history.tidy(&policy.scale, now_ms);
        tally.add(step, now_ms, (current, ready), highest(&metrics, step, ready));
        count(&mut tally.course.reasons, decision.reason);
        if decision.desired > current {
            starting.push_back((now_ms + ready_ms, decision.desired - current));
        } else {
            stop(current - decision.desired, &mut ready, &mut starting);
        }
        tally.course.changes += u64::from(decision.desired != current);
        current = decision.desired;
    }
    Ok(tally.course)
}

fn count(reasons: &mut BTreeMap<String, u64>, reason: Reason) {
    *reasons.entry(format!("{reason:?}")).or_default() += 1;
}

/// Those that are not ready yet go first, the newest of them at first.
fn stop(mut fewer: u32, ready: &mut u32, starting: &mut VecDeque<(i64, u32)>) {
    while let Some((at_ms, waiting)) = starting.pop_back() {
        if waiting > fewer {
            starting.push_back((at_ms, waiting - fewer));
            return;
        }
        fewer -= waiting;
    }
    *ready = ready.saturating_sub(fewer);
}

/// Replicas that are known, measured by the same targets.
async fn observed(
    signals: &dyn Signals,
    tenant: &TenantId,
    policy: &Policy,
    span: Span,
    (name, there): (String, Vec<Option<f64>>),
) -> Result<Course, String> {
    let metrics = read_all(signals, tenant, policy, span).await?;
    let mut tally = Tally::new(name, span, policy);
    let mut last = None;
    for (step, replicas) in there.into_iter().enumerate() {
        if step % 4096 == 4095 {
            tokio::task::yield_now().await;
        }
        let replicas = replicas.map_or(last.unwrap_or(0), |replicas| replicas.max(0.0).round() as u32);
        let at_ms = span.start_ms + step as i64 * span.step_ms;
        tally.add(step, at_ms, (replicas, replicas), highest(&metrics, step, replicas));
        tally.course.changes += u64::from(last.is_some_and(|last| last != replicas));
        last = Some(replicas);
    }
    Ok(tally.course)
}
