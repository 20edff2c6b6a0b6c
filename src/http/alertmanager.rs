//! Alertmanager's API v2 (its `api/v2/openapi.yaml`), for `amtool`, Grafana, and everything that sends alerts.

use super::tenant::Tenant;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use gantry_alertmanager::{
    Alertmanager, AlertmanagerError, Filter, NewSilence, PostedAlert, ShownAlert, Silence, parse_matchers, written,
};
use gantry_model::{LabelSet, Matcher, Timestamp};
use serde_json::{Map, Value, json};
use std::sync::Arc;

type Manager = State<Arc<Alertmanager>>;
type Pairs = Query<Vec<(String, String)>>;

pub fn alertmanager_router(manager: Arc<Alertmanager>) -> Router {
    Router::new()
        .route("/api/v2/status", get(status))
        .route("/api/v2/receivers", get(receivers))
        .route("/api/v2/alerts", get(alerts).post(put))
        .route("/api/v2/alerts/groups", get(groups))
        .route("/api/v2/silences", get(silences).post(silence))
        .route("/api/v2/silence/{id}", get(one_silence).delete(expire))
        .with_state(manager)
}

async fn status(State(manager): Manager) -> Response {
    let (_, original) = manager.configuration();
    Json(json!({
        "cluster": { "status": "disabled", "peers": [] },
        "config": { "original": original },
        "uptime": written(Some(manager.started())),
        "versionInfo": {
            "version": env!("CARGO_PKG_VERSION"), "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": "",
        },
    }))
    .into_response()
}

async fn receivers(State(manager): Manager) -> Response {
    let (names, _) = manager.configuration();
    Json(names.into_iter().map(|name| json!({ "name": name })).collect::<Value>()).into_response()
}

async fn put(State(manager): Manager, tenant: Tenant, body: String) -> Result<Response, (StatusCode, String)> {
    let tenant = tenant.writable()?;
    let alerts: Vec<PostedAlert> = match serde_json::from_str(&body) {
        Ok(alerts) => alerts,
        Err(wrong) => return Ok(bad(&format!("bad request body: {wrong}"))),
    };
    Ok(answer(manager.put(&tenant, alerts).await.map(|()| StatusCode::OK.into_response())))
}

/// Which alerts or silences are asked for.
fn filter(pairs: &[(String, String)]) -> Result<Filter, String> {
    let mut filter = Filter::default();
    for (name, value) in pairs {
        let flag = || value.parse().map_err(|_| format!("{name} in query must be of type boolean: {value:?}"));
        match name.as_str() {
            "filter" | "filter[]" => filter.matchers.extend(parse_matchers(value)?),
            "receiver" if !value.is_empty() => {
                let regex = regex::Regex::new(&format!("^(?:{value})$"));
                filter.receiver = Some(regex.map_err(|_| format!("failed to parse receiver param: {value:?}"))?);
            }
            "active" => filter.active = flag()?,
            "silenced" => filter.silenced = flag()?,
            "inhibited" => filter.inhibited = flag()?,
            "muted" => filter.muted = flag()?,
            // Every alert is processed when it is taken.
            "unprocessed" => _ = flag()?,
            _ => {}
        }
    }
    Ok(filter)
}

async fn alerts(State(manager): Manager, tenant: Tenant, Query(pairs): Pairs) -> Response {
    match filter(&pairs) {
        Ok(filter) => Json(manager.alerts(&tenant.0, &filter).iter().map(shown).collect::<Value>()).into_response(),
        Err(wrong) => bad(&wrong),
    }
}

async fn groups(State(manager): Manager, tenant: Tenant, Query(pairs): Pairs) -> Response {
    let filter = match filter(&pairs) {
        Ok(filter) => filter,
        Err(wrong) => return bad(&wrong),
    };
    let all = manager.groups(&tenant.0, &filter).into_iter().map(|group| {
        json!({
            "labels": labels(&group.labels),
            "receiver": { "name": group.receiver },
            "alerts": group.alerts.iter().map(shown).collect::<Value>(),
        })
    });
    Json(all.collect::<Value>()).into_response()
}

fn labels(labels: &LabelSet) -> Value {
    Value::Object(labels.iter().map(|(name, value)| (name.to_owned(), json!(value))).collect::<Map<_, _>>())
}

fn shown(shown: &ShownAlert) -> Value {
    let alert = &shown.alert;
    json!({
        "annotations": alert.annotations,
        "endsAt": written(Some(alert.ends)),
        "fingerprint": alert.fingerprint().to_string(),
        "receivers": shown.receivers.iter().map(|name| json!({ "name": name })).collect::<Value>(),
        "startsAt": written(Some(alert.starts)),
        "status": {
            "inhibitedBy": shown.inhibited_by.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "silencedBy": shown.silenced_by,
            "mutedBy": shown.muted_by,
            "state": if shown.is_suppressed() { "suppressed" } else { "active" },
        },
        "updatedAt": written(Some(alert.updated)),
        "generatorURL": alert.generator_url,
        "labels": labels(&alert.labels),
    })
}

async fn silences(State(manager): Manager, tenant: Tenant, Query(pairs): Pairs) -> Response {
    let named = pairs.iter().filter(|(name, _)| name == "filter" || name == "filter[]");
    let matchers: Result<Vec<Vec<Matcher>>, String> = named.map(|(_, text)| parse_matchers(text)).collect();
    match matchers {
        Ok(matchers) => {
            let (found, now) = (manager.silences(&tenant.0, &matchers.concat()), manager.now());
            Json(found.iter().map(|one| shown_silence(one, now)).collect::<Value>()).into_response()
        }
        Err(wrong) => bad(&wrong),
    }
}

fn shown_silence(silence: &Silence, now: Timestamp) -> Value {
    let mut shown = json!(silence.as_new());
    shown["status"] = json!({ "state": silence.state(now).as_str() });
    shown["updatedAt"] = json!(written(Some(silence.updated)));
    shown
}

async fn silence(State(manager): Manager, tenant: Tenant, body: String) -> Result<Response, (StatusCode, String)> {
    let tenant = tenant.writable()?;
    let new: NewSilence = match serde_json::from_str(&body) {
        Ok(new) => new,
        Err(wrong) => return Ok(bad(&format!("bad request body: {wrong}"))),
    };
    let taken = manager.silence(&tenant, new).await;
    Ok(answer(taken.map(|id| Json(json!({ "silenceID": id })).into_response())))
}

async fn one_silence(State(manager): Manager, tenant: Tenant, Path(id): Path<String>) -> Response {
    match manager.silence_by_id(&tenant.0, &id) {
        Some(silence) => Json(shown_silence(&silence, manager.now())).into_response(),
        None => (StatusCode::NOT_FOUND, Json(json!(format!("silence {id} not found")))).into_response(),
    }
}

async fn expire(
    State(manager): Manager,
    tenant: Tenant,
    Path(id): Path<String>,
) -> Result<Response, (StatusCode, String)> {
    let tenant = tenant.writable()?;
    Ok(answer(manager.expire(&tenant, &id).await.map(|()| StatusCode::OK.into_response())))
}

fn answer(result: Result<Response, AlertmanagerError>) -> Response {
    let (status, text) = match result {
        Ok(response) => return response,
        Err(error @ AlertmanagerError::Invalid(_)) => (StatusCode::BAD_REQUEST, error.to_string()),
        Err(error @ AlertmanagerError::NotFound(_)) => (StatusCode::NOT_FOUND, error.to_string()),
        Err(error @ AlertmanagerError::TooMany) => (StatusCode::TOO_MANY_REQUESTS, error.to_string()),
        Err(error @ AlertmanagerError::Store(_)) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    };
    (status, Json(json!(text))).into_response()
}

fn bad(text: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!(text))).into_response()
}
