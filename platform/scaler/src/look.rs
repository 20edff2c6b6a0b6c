//! One look at a policy: read, decide, carry out, remember, tell.

use crate::decided::{Decided, Ordered, Outcome, State, keep, load};
use crate::gather::{Forecasts, ask, gather, reading};
use crate::record;
use crate::scaler::{PolicyId, Shared};
use crate::seam::Order;
use gantry_planner::{Decision, Observed, Reading, plan};
use gantry_platform_model::{ExecutorSpec, Policy, Query};

/// What a policy's looks hand on to the next.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// `None` until it was read.
    state: Option<State>,
    forecasts: Forecasts,
}

/// Looks at a policy once. Dropping the future leaves what can be taken up by the next.
pub(crate) async fn look(shared: &Shared, id: &PolicyId, policy: &Policy, memory: &mut Memory) -> Decided {
    let started = tokio::time::Instant::now();
    let now_ms = shared.clock.now().nanos().div_euclid(1_000_000);
    let mut state = match memory.state.take() {
        Some(state) => state,
        None => match load(&*shared.meta, id).await {
            Ok(state) => state,
            Err(error) => {
                shared.failed("state", id, &error);
                let message = "hold: what was kept of the policy cannot be read".to_owned();
                let decision = Decision::hold(now_ms, policy.scale.min_replicas, message);
                return Decided { number: 0, decision, outcome: Outcome::Unchanged };
            }
        },
    };
    state.history.tidy(&policy.scale, now_ms);
    let (decision, ready) = decide(shared, id, policy, &state, &mut memory.forecasts, now_ms).await;
    let reached = |ordered: &Ordered| ordered.taken && ordered.replicas == decision.current;
    if policy.replicas.is_some() && state.ordered.as_ref().is_some_and(reached) {
        state.ordered = None;
    }
    let before = state.ordered.as_ref().is_some_and(|ordered| ordered.taken && ordered.replicas == decision.desired);
    let outcome = carry_out(shared, id, policy, &mut state, &decision).await;
    let done = matches!(outcome, Outcome::Applied | Outcome::Advised);
    // A change that was taken over before and does not show yet counts once.
    state.history.remember(&decision, done && !before);
    if done || policy.replicas.is_some() {
        state.replicas = Some(if done { decision.desired } else { decision.current });
    } else {
        state.replicas = Some(decision.current);
    }
    state.number += 1;
    let decided = Decided { number: state.number, decision, outcome };
    if let Err(error) = keep(&*shared.meta, id, &state, Some((&decided, shared.options.decisions))).await {
        shared.failed("state", id, &error);
    }
    memory.state = Some(state);
    let (samples, line) = (record::samples(&policy.name, &decided, ready), record::line(&policy.name, &decided));
    if let Err(error) = shared.record.record(&id.tenant, samples, line).await {
        shared.failed("record", id, &error);
    }
    shared.metrics.looks.with_label_values(&[decided.outcome.as_str()]).inc();
    shared.metrics.seconds.observe(started.elapsed().as_secs_f64());
    decided
}

/// The decision, and the replicas that are ready.
async fn decide(
    shared: &Shared,
    id: &PolicyId,
    policy: &Policy,
    state: &State,
    forecasts: &mut Forecasts,
    now_ms: i64,
) -> (Decision, u32) {
    let last = state.replicas.unwrap_or(policy.scale.min_replicas);
    let observed = match &policy.replicas {
        None => Ok(Observed { current: last, ready: last }),
        Some(queries) => {
            let current = replicas(shared, id, &queries.current, now_ms).await;
            match (current, &queries.ready) {
                (Ok(current), None) => Ok(Observed { current, ready: current }),
                (Ok(current), Some(query)) => {
                    replicas(shared, id, query, now_ms).await.map(|ready| Observed { current, ready })
                }
                (Err(why), _) => Err(why),
            }
        }
    };
    match observed {
        Err(why) => (Decision::hold(now_ms, last, format!("hold: the replicas are not known: {why}")), last),
        Ok(observed) => {
            let signals = gather(&*shared.signals, &id.tenant, policy, forecasts, (observed.current, now_ms)).await;
            (plan(&policy.scale, &observed, &signals, &state.history, now_ms), observed.ready)
        }
    }
}

/// How old a number of replicas may be.
const REPLICAS_MAX_AGE_MS: i64 = 120_000;

async fn replicas(shared: &Shared, id: &PolicyId, query: &Query, now_ms: i64) -> Result<u32, String> {
    match reading(ask(&*shared.signals, &id.tenant, query, now_ms).await) {
        (Some(at_ms), Reading::Total(values)) if !values.is_empty() => {
            if now_ms - at_ms > REPLICAS_MAX_AGE_MS {
                return Err(format!("the number is {} s old", (now_ms - at_ms) / 1000));
            }
            let sum: i128 = values.iter().map(|value| i128::from(*value)).sum();
            u32::try_from(sum / 1000).map_err(|_| format!("{} are none that can be", sum / 1000))
        }
        (_, Reading::Failed(why)) => Err(why),
        _ => Err("the query returned nothing".to_owned()),
    }
}

async fn carry_out(shared: &Shared, id: &PolicyId, policy: &Policy, state: &mut State, decision: &Decision) -> Outcome {
    if decision.desired == decision.current {
        state.ordered = None;
        return Outcome::Unchanged;
    }
    let ordered = match state.ordered.take().filter(|ordered| ordered.replicas == decision.desired) {
        Some(ordered) => ordered,
        None => {
            let key = format!("{}/{}/{}", id.tenant, id.name, state.number + 1);
            Ordered { replicas: decision.desired, key, taken: false }
        }
    };
    let executor = match &policy.executor {
        ExecutorSpec::None => {
            state.ordered = Some(Ordered { taken: true, ..ordered });
            return Outcome::Advised;
        }
        ExecutorSpec::Webhook(_) => &shared.webhook,
    };
    // The key is known before anybody is told: after a crash the same change is told with the same key.
    let key = ordered.key.clone();
    state.ordered = Some(ordered);
    if let Err(error) = keep(&*shared.meta, id, state, None).await {
        shared.failed("state", id, &error);
    }
    let told = executor.apply(Order { tenant: &id.tenant, policy, decision, key: &key }).await;
    match told {
        Ok(()) => {
            if let Some(ordered) = &mut state.ordered {
                ordered.taken = true;
            }
            Outcome::Applied
        }
        Err(why) => {
            shared.failed("executor", id, &why);
            Outcome::Failed(why)
        }
    }
}
