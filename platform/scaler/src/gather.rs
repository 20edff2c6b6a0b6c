//! Reads the signals of a policy, all at a time.

use crate::seam::{Measured, Signals, Span};
use futures::future::join_all;
use gantry_model::TenantId;
use gantry_planner::{Phase, Pod, Prediction, Reading, Signal, Usage, forecast};
use gantry_platform_model::{Forecast, MetricSpec, Policy, Query, Target, quantity};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a query may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// In thousandths.
const HUNDRED_PERCENT: i64 = 100_000;

/// Forecasts of metrics by name, with the instant of each: they are made anew once in a step.
pub(crate) type Forecasts = BTreeMap<String, (i64, Result<Prediction, String>)>;

/// Answers in thousandths.
pub(crate) fn reading(measured: Result<Measured, String>) -> (Option<i64>, Reading) {
    match measured {
        Err(why) => (None, Reading::Failed(why)),
        Ok(Measured { series, at_ms }) => {
            let values: Option<Vec<i64>> = series.iter().map(|(_, value)| quantity::of(*value)).collect();
            let reading = values.map_or_else(
                || Reading::Failed("the query returned what is no finite number".to_owned()),
                Reading::Total,
            );
            (Some(at_ms), reading)
        }
    }
}

pub(crate) async fn ask(
    signals: &dyn Signals,
    tenant: &TenantId,
    query: &Query,
    now_ms: i64,
) -> Result<Measured, String> {
    let answer = tokio::time::timeout(PATIENCE, signals.read(tenant, query, now_ms)).await;
    answer.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
}

/// Every series a replica that uses so many percent; replicas without a series are those whose use is not known.
fn of_replicas(reading: Reading, current: u32) -> Reading {
    let Reading::Total(values) = reading else { return reading };
    if values.is_empty() {
        return Reading::Total(values);
    }
    let replica = |usage: Option<Usage>| Pod {
        phase: Phase::Running,
        started_ms: None,
        ready: None,
        request: Some(HUNDRED_PERCENT),
        usage,
    };
    // Their times do not matter where readiness does not.
    let used = |value: &i64| replica(Some(Usage { value: *value, at_ms: 0, window_ms: 0 }));
    let missing = (current as usize).saturating_sub(values.len());
    let pods = values.iter().map(used).chain(std::iter::repeat_n(replica(None), missing)).collect();
    Reading::Pods { cpu: false, pods }
}

/// Every signal of the policy, of which there are `current` replicas.
pub(crate) async fn gather(
    signals: &dyn Signals,
    tenant: &TenantId,
    policy: &Policy,
    forecasts: &mut Forecasts,
    (current, now_ms): (u32, i64),
) -> Vec<Signal> {
    let known = &*forecasts;
    let all = policy.scale.metrics.iter().map(async |metric| {
        let query = metric.query.as_ref();
        let measured = async {
            match query {
                Some(query) => ask(signals, tenant, query, now_ms).await,
                None => Err("the metric has no query".to_owned()),
            }
        };
        let burst = async { Some(reading(ask(signals, tenant, metric.burst.as_ref()?, now_ms).await).1) };
        let (measured, burst, ahead) =
            tokio::join!(measured, burst, look_ahead(signals, tenant, metric, known.get(&metric.name), now_ms));
        let (at_ms, mut reading) = reading(measured);
        if matches!(metric.target, Target::Utilization(_)) {
            reading = of_replicas(reading, current);
        }
        let at_ms = at_ms.unwrap_or(now_ms);
        let signal =
            Signal { metric: metric.name.clone(), at_ms, reading, burst, ahead: ahead.clone().map(|(_, a)| a) };
        (signal, ahead)
    });
    let gathered = join_all(all).await;
    let mut found = Vec::with_capacity(gathered.len());
    for (signal, ahead) in gathered {
        if let Some(ahead) = ahead {
            forecasts.insert(signal.metric.clone(), ahead);
        }
        found.push(signal);
    }
    found
}

/// The forecast of a metric that has one; the last one while it is of this step.
async fn look_ahead(
    signals: &dyn Signals,
    tenant: &TenantId,
    metric: &MetricSpec,
    last: Option<&(i64, Result<Prediction, String>)>,
    now_ms: i64,
) -> Option<(i64, Result<Prediction, String>)> {
    let (spec, query) = (metric.forecast?, metric.query.as_ref()?);
    let step_ms = i64::from(spec.step_seconds) * 1000;
    if let Some(last) = last.filter(|(at_ms, _)| now_ms - at_ms < step_ms) {
        return Some(last.clone());
    }
    let span = past(&spec, now_ms);
    let answer = tokio::time::timeout(PATIENCE, signals.read_span(tenant, query, span)).await;
    let values = answer.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())));
    Some((now_ms, values.and_then(|values| forecast(&spec, &values))))
}

/// The instants that a forecast looks back at.
pub(crate) fn past(spec: &Forecast, now_ms: i64) -> Span {
    let step_ms = i64::from(spec.step_seconds) * 1000;
    let back = i64::from(spec.seasons) * i64::from(spec.season_seconds) * 1000 - step_ms;
    Span { start_ms: now_ms - back, end_ms: now_ms, step_ms }
}
