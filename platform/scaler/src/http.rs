//! What clients ask over HTTP: `/api/v1/scale/policies`. The tenant comes as an extension of the request.

mod kubernetes;

use crate::backtest::BacktestRequest;
use crate::decided::Decided;
use crate::files::parse_policies;
use crate::policies::StorePolicyError;
use crate::scaler::{Found, Scaler};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use gantry_model::TenantId;
use serde_json::{Value, json};
use std::sync::Arc;

type Running = State<Arc<Scaler>>;
type Tenant = Extension<TenantId>;

/// All routes of the scaler.
pub fn router(scaler: Arc<Scaler>) -> Router {
    Router::new()
        .route("/api/v1/scale/policies", get(list))
        .route("/api/v1/scale/policies/{name}", get(one).put(store).delete(remove))
        .route("/api/v1/scale/policies/{name}/decisions", get(decisions))
        .route("/api/v1/scale/policies/{name}/evaluate", post(evaluate))
        .route("/api/v1/scale/backtest", post(replay))
        .merge(kubernetes::routes())
        .with_state(scaler)
}

/// A status and why.
type Refused = (StatusCode, Json<Value>);

fn refusal(status: StatusCode, text: &str) -> Refused {
    (status, Json(json!({ "status": "error", "error": text })))
}

fn no_policy(name: &str) -> Refused {
    refusal(StatusCode::NOT_FOUND, &format!("there is no policy {name:?}"))
}

fn failed(error: &StorePolicyError) -> Refused {
    let status = match error {
        StorePolicyError::Invalid(_) => StatusCode::BAD_REQUEST,
        StorePolicyError::NotFound(_) => StatusCode::NOT_FOUND,
        StorePolicyError::Fixed(_) => StatusCode::CONFLICT,
        StorePolicyError::Meta(cause) => {
            tracing::error!(%cause, "stored policies could not be read or written");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    refusal(status, &error.to_string())
}

/// Names that start with an underscore are Gantry's own.
fn writable(tenant: &TenantId) -> Result<(), Refused> {
    if tenant.is_reserved() {
        return Err(refusal(
            StatusCode::FORBIDDEN,
            &format!("tenant {tenant} is reserved: it is read-only for clients"),
        ));
    }
    Ok(())
}

fn shown(found: &Found) -> Value {
    json!({ "policy": *found.policy, "origin": found.origin, "last": found.last.as_deref() })
}

async fn list(State(scaler): Running, Extension(tenant): Tenant) -> Response {
    let found = scaler.policies(&tenant);
    Json(json!({ "status": "success", "data": found.iter().map(shown).collect::<Value>() })).into_response()
}

async fn one(State(scaler): Running, Extension(tenant): Tenant, Path(name): Path<String>) -> Response {
    match scaler.policy(&tenant, &name) {
        Some(found) => Json(json!({ "status": "success", "data": shown(&found) })).into_response(),
        None => no_policy(&name).into_response(),
    }
}

/// Takes a policy in YAML or JSON. A name inside must be that of the path.
async fn store(
    State(scaler): Running,
    Extension(tenant): Tenant,
    Path(name): Path<String>,
    body: String,
) -> Result<Response, Refused> {
    writable(&tenant)?;
    let wrong = |problems: &[String]| refusal(StatusCode::BAD_REQUEST, &problems.join("; "));
    let policies = parse_policies(&body).map_err(|problems| wrong(&problems))?;
    let [policy] = &policies[..] else { return Err(wrong(&["one policy is needed".to_owned()])) };
    if policy.name != name {
        return Err(wrong(&[format!("the policy is named {:?}, the path {name:?}", policy.name)]));
    }
    let new = scaler.put(&tenant, policy).await.map_err(|error| failed(&error))?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(json!({ "status": "success", "data": policy }))).into_response())
}

async fn remove(
    State(scaler): Running,
    Extension(tenant): Tenant,
    Path(name): Path<String>,
) -> Result<StatusCode, Refused> {
    writable(&tenant)?;
    scaler.remove(&tenant, &name).await.map_err(|error| failed(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn decisions(State(scaler): Running, Extension(tenant): Tenant, Path(name): Path<String>) -> Response {
    match scaler.decisions(&tenant, &name).await {
        Ok(found) if found.is_empty() && scaler.policy(&tenant, &name).is_none() => no_policy(&name).into_response(),
        Ok(found) => success(&found),
        Err(error) => failed(&error.into()).into_response(),
    }
}

fn success(found: &[Decided]) -> Response {
    Json(json!({ "status": "success", "data": found })).into_response()
}

/// Replays stored signals.
async fn replay(State(scaler): Running, Extension(tenant): Tenant, body: String) -> Result<Response, Refused> {
    let wrong = |why: String| refusal(StatusCode::BAD_REQUEST, &why);
    let request: BacktestRequest =
        serde_json::from_str(&body).map_err(|error| wrong(format!("the request cannot be read: {error}")))?;
    let report = scaler.backtest(&tenant, request).await.map_err(wrong)?;
    Ok(Json(json!({ "status": "success", "data": report })).into_response())
}

/// Looks at the policy now, and answers with the decision.
async fn evaluate(
    State(scaler): Running,
    Extension(tenant): Tenant,
    Path(name): Path<String>,
) -> Result<Response, Refused> {
    writable(&tenant)?;
    match scaler.look_now(&tenant, &name).await {
        Some(decided) => Ok(Json(json!({ "status": "success", "data": *decided })).into_response()),
        None => Err(no_policy(&name)),
    }
}
