//! Rule groups that clients store, in YAML as in the ruler APIs of Loki and Mimir: rules in LogQL below
//! `/loki/api/v1/rules` and, where older clients look, `/api/prom/rules`, in PromQL below `/api/v1/rules` and `/config/v1/rules`.

use super::tenant::Tenant;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gantry_alerting::{RuleFile, RuleGroup};
use gantry_ruler::{Language, Ruler, StoreRulesError};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rules in one language.
#[derive(Clone)]
struct Stored {
    ruler: Arc<Ruler>,
    language: Language,
}

type Rules = State<Stored>;

pub fn routes(ruler: &Arc<Ruler>) -> Router {
    below("/loki/api/v1/rules", Language::Logql, true, ruler)
        .merge(below("/api/prom/rules", Language::Logql, true, ruler))
        .merge(below("/config/v1/rules", Language::Promql, true, ruler))
        .merge(below("/api/v1/rules", Language::Promql, false, ruler))
}

/// `lists`: the path itself lists everything (elsewhere it has another meaning).
fn below(path: &str, language: Language, lists: bool, ruler: &Arc<Ruler>) -> Router {
    let namespace = get(of_namespace).post(create).delete(remove_namespace);
    let mut router = Router::new()
        .route(&format!("{path}/{{namespace}}"), namespace)
        .route(&format!("{path}/{{namespace}}/{{group}}"), get(one).delete(remove));
    if lists {
        router = router.route(path, get(all));
    }
    router.with_state(Stored { ruler: ruler.clone(), language })
}

async fn all(State(stored): Rules, tenant: Tenant) -> Response {
    match stored.ruler.namespaces().list(&tenant.0, stored.language).await {
        Ok(found) if found.is_empty() => refusal(StatusCode::NOT_FOUND, "no rule groups found"),
        Ok(found) => namespaces(&found),
        Err(error) => failed(error),
    }
}

async fn of_namespace(State(stored): Rules, tenant: Tenant, Path(namespace): Path<String>) -> Response {
    match stored.ruler.namespaces().list(&tenant.0, stored.language).await {
        Ok(mut found) => match found.remove_entry(&namespace) {
            Some((name, file)) => namespaces(&BTreeMap::from([(name, file)])),
            None => refusal(StatusCode::NOT_FOUND, "no rule groups found"),
        },
        Err(error) => failed(error),
    }
}

async fn one(State(stored): Rules, tenant: Tenant, Path((namespace, group)): Path<(String, String)>) -> Response {
    match stored.ruler.namespaces().list(&tenant.0, stored.language).await {
        Ok(found) => {
            let groups = found.get(&namespace).into_iter().flat_map(|file| &file.groups);
            match groups.into_iter().find(|one| one.name == group) {
                Some(group) => yaml(group.to_yaml()),
                None => refusal(StatusCode::NOT_FOUND, "group does not exist"),
            }
        }
        Err(error) => failed(error),
    }
}

async fn create(
    State(stored): Rules,
    tenant: Tenant,
    Path(namespace): Path<String>,
    body: String,
) -> Result<Response, (StatusCode, String)> {
    let tenant = tenant.writable()?;
    let group = match RuleGroup::parse(&body) {
        Ok(group) => group,
        Err(wrong) => return Ok(refusal(StatusCode::BAD_REQUEST, &format!("the body is no rule group: {wrong}"))),
    };
    Ok(done(stored.ruler.namespaces().put(&tenant, stored.language, &namespace, group).await))
}

async fn remove(
    State(stored): Rules,
    tenant: Tenant,
    Path((namespace, group)): Path<(String, String)>,
) -> Result<Response, (StatusCode, String)> {
    let tenant = tenant.writable()?;
    Ok(done(stored.ruler.namespaces().remove(&tenant, stored.language, &namespace, Some(&group)).await))
}

async fn remove_namespace(
    State(stored): Rules,
    tenant: Tenant,
    Path(namespace): Path<String>,
) -> Result<Response, (StatusCode, String)> {
    let tenant = tenant.writable()?;
    Ok(done(stored.ruler.namespaces().remove(&tenant, stored.language, &namespace, None).await))
}

fn done(result: Result<(), StoreRulesError>) -> Response {
    match result {
        Ok(()) => {
            let body = json!({ "status": "success", "data": null, "errorType": "", "error": "" });
            (StatusCode::ACCEPTED, axum::Json(body)).into_response()
        }
        Err(error) => failed(error),
    }
}

fn failed(error: StoreRulesError) -> Response {
    let status = match &error {
        StoreRulesError::Invalid(_) => StatusCode::BAD_REQUEST,
        StoreRulesError::NotFound(_) => StatusCode::NOT_FOUND,
        StoreRulesError::Busy => StatusCode::CONFLICT,
        StoreRulesError::Meta(cause) => {
            tracing::error!(%cause, "stored rules could not be read or written");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    refusal(status, &error.to_string())
}

fn refusal(status: StatusCode, text: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{text}\n")).into_response()
}

/// A list of groups by namespace.
fn namespaces(found: &BTreeMap<String, RuleFile>) -> Response {
    yaml(RuleFile::by_name_to_yaml(found))
}

fn yaml(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/yaml")], text).into_response()
}
