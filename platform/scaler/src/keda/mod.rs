//! `externalscaler.ExternalScaler`, by which KEDA asks how much there is to do (keda.sh, "External Scalers").
//!
//! A trigger names a policy, whose decision is the answer (a target of 1 and as many as it decided), or a query with a threshold.
//! What cannot be measured is an error, never 0. `StreamMetricSpec` is not offered, which KEDA takes for a scaler without it.

mod messages;
mod service;
mod trigger;

pub use messages::{
    GetMetricSpecResponse, GetMetricsRequest, GetMetricsResponse, IsActiveResponse, MetricSpec, MetricValue,
    ScaledObjectRef,
};
pub use service::ExternalScaler;

use crate::gather::ask;
use crate::scaler::Scaler;
use gantry_model::TenantId;
use gantry_platform_model::Query;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tonic::{Code, Status};
use trigger::{Source, Trigger};

/// Answers to a client that was not quick enough to take the one before.
const AHEAD: usize = 1;

fn invalid(why: impl Into<String>) -> Status {
    Status::new(Code::InvalidArgument, why)
}

fn unavailable(why: impl Into<String>) -> Status {
    Status::new(Code::Unavailable, why)
}

/// Whose data an object speaks of: its own word, else that of the caller.
fn trigger(object: &ScaledObjectRef, caller: TenantId) -> Result<(TenantId, Trigger), Status> {
    let trigger = Trigger::read(object).map_err(invalid)?;
    let tenant = trigger.tenant.clone().unwrap_or(caller);
    if tenant.is_reserved() {
        return Err(Status::new(Code::PermissionDenied, format!("tenant {tenant} is reserved")));
    }
    Ok((tenant, trigger))
}

/// The number now.
async fn value(scaler: &Scaler, tenant: &TenantId, source: &Source) -> Result<f64, Status> {
    match source {
        Source::Policy(name) => decided(scaler, tenant, name).await.map(f64::from),
        Source::Query { query, max_age, .. } => measured(scaler, tenant, query, *max_age).await,
    }
}

/// What the policy decided last; the first time it is asked.
async fn decided(scaler: &Scaler, tenant: &TenantId, name: &str) -> Result<u32, Status> {
    let missing = || Status::new(Code::NotFound, format!("there is no policy {name:?}"));
    let found = scaler.policy(tenant, name).ok_or_else(missing)?;
    let last = match found.last {
        Some(last) => last,
        None => scaler.look_now(tenant, name).await.ok_or_else(missing)?,
    };
    Ok(last.decision.desired)
}

async fn measured(scaler: &Scaler, tenant: &TenantId, query: &Query, max_age: Duration) -> Result<f64, Status> {
    scaler.signals().check(query).map_err(|why| invalid(format!("query: {why}")))?;
    let now_ms = scaler.now_ms();
    let found = ask(&**scaler.signals(), tenant, query, now_ms).await.map_err(unavailable)?;
    if found.series.is_empty() {
        return Err(unavailable("the query returned nothing"));
    }
    let age_ms = now_ms - found.at_ms;
    if age_ms > max_age.as_millis() as i64 {
        return Err(unavailable(format!(
            "the signal is stale: {} s old, at most {} s are believed",
            age_ms / 1000,
            max_age.as_secs()
        )));
    }
    let sum: f64 = found.series.iter().map(|(_, value)| value).sum();
    if sum.is_finite() { Ok(sum) } else { Err(unavailable("the query returned what is no finite number")) }
}

fn is_active(source: &Source, value: f64) -> bool {
    match source {
        Source::Policy(_) => value > 0.0,
        Source::Query { activation, .. } => value > *activation,
    }
}

/// What one replica is for.
fn target(source: &Source) -> f64 {
    match source {
        Source::Policy(_) => 1.0,
        Source::Query { threshold, .. } => *threshold,
    }
}

/// Whether there is something to do: at once, and each time that it changes, until the client goes or the scaler stops.
async fn push(
    scaler: Arc<Scaler>,
    tenant: TenantId,
    source: Source,
    out: mpsc::Sender<Result<IsActiveResponse, Status>>,
) {
    let mut told = None;
    loop {
        match value(&scaler, &tenant, &source).await {
            // While nothing is known, what was said holds.
            Err(status) if status.code() == Code::Unavailable => {
                tracing::debug!(%tenant, "a push scaler is not answered: {}", status.message());
            }
            Err(status) => {
                // The client may be gone.
                let _ = out.send(Err(status)).await;
                return;
            }
            Ok(value) => {
                let active = is_active(&source, value);
                if told.replace(active) != Some(active)
                    && out.send(Ok(IsActiveResponse { result: active })).await.is_err()
                {
                    return;
                }
            }
        }
        tokio::select! {
            () = out.closed() => return,
            () = scaler.stopped() => return,
            () = changed(&scaler, &tenant, &source) => {}
        }
    }
}

/// Waits until another answer is possible.
async fn changed(scaler: &Scaler, tenant: &TenantId, source: &Source) {
    match source {
        Source::Query { poll, .. } => tokio::time::sleep(*poll).await,
        Source::Policy(name) => {
            if let Some(mut decisions) = scaler.follow(tenant, name) {
                // When the policy is gone, the next look at it says so.
                let _ = decisions.changed().await;
            }
        }
    }
}
