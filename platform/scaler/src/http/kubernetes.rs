//! `/apis/external.metrics.k8s.io` and `/apis/custom.metrics.k8s.io`: discovery and values.

use super::{Running, Tenant};
use crate::kubernetes::{Item, LabelSelector, RESOURCES, Refusal, custom, external, items, names, resource};
use crate::scaler::Scaler;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

const EXTERNAL: &str = "external.metrics.k8s.io";
const CUSTOM: &str = "custom.metrics.k8s.io";

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.status())).into_response()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Selectors {
    label_selector: String,
    metric_label_selector: String,
}

type Answer = Result<Json<Value>, Refusal>;

pub fn routes() -> Router<Arc<Scaler>> {
    let mut router = Router::new()
        .route("/apis", get(groups))
        .route(&format!("/apis/{EXTERNAL}"), get(async || Json(group(EXTERNAL, &["v1beta1"]))))
        .route(&format!("/apis/{CUSTOM}"), get(async || Json(group(CUSTOM, &["v1beta2", "v1beta1"]))))
        .route(&format!("/apis/{EXTERNAL}/v1beta1"), get(external_resources))
        .route(&format!("/apis/{EXTERNAL}/v1beta1/namespaces/{{namespace}}/{{metric}}"), get(external_values));
    for version in ["v1beta2", "v1beta1"] {
        let base = format!("/apis/{CUSTOM}/{version}");
        let resources = move |scaler: Running, tenant: Tenant| custom_resources(version, scaler, tenant);
        let rooted = move |scaler: Running,
                           tenant: Tenant,
                           path: Path<(String, String, String)>,
                           query: Query<Selectors>| async move {
            let Path((resource, name, metric)) = path;
            custom_values(version, scaler, tenant, (None, resource, name, metric), query).await
        };
        let namespaced = move |scaler: Running,
                               tenant: Tenant,
                               path: Path<(String, String, String, String)>,
                               query: Query<Selectors>| async move {
            let Path((namespace, resource, name, metric)) = path;
            custom_values(version, scaler, tenant, (Some(namespace), resource, name, metric), query).await
        };
        let of_namespace =
            move |scaler: Running, tenant: Tenant, path: Path<(String, String)>, query: Query<Selectors>| async move {
                let Path((namespace, metric)) = path;
                custom_values(version, scaler, tenant, (None, "namespaces".to_owned(), namespace, metric), query).await
            };
        router = router
            .route(&base, get(resources))
            .route(&format!("{base}/{{resource}}/{{name}}/{{metric}}"), get(rooted))
            .route(&format!("{base}/namespaces/{{namespace}}/metrics/{{metric}}"), get(of_namespace))
            .route(&format!("{base}/namespaces/{{namespace}}/{{resource}}/{{name}}/{{metric}}"), get(namespaced));
    }
    router
}

fn group(name: &str, versions: &[&str]) -> Value {
    let version = |version: &&str| json!({ "groupVersion": format!("{name}/{version}"), "version": version });
    let versions: Vec<Value> = versions.iter().map(version).collect();
    json!({ "kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": versions, "preferredVersion": versions[0] })
}

async fn groups() -> Json<Value> {
    let groups = [group(CUSTOM, &["v1beta2", "v1beta1"]), group(EXTERNAL, &["v1beta1"])];
    Json(json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups }))
}

fn resources(group_version: &str, resources: impl Iterator<Item = (String, bool)>, kind: &str) -> Json<Value> {
    let shown = resources.map(|(name, namespaced)| {
        json!({ "name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get"] })
    });
    Json(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": shown.collect::<Value>(),
    }))
}

async fn external_resources(State(scaler): Running, Extension(tenant): Tenant) -> Json<Value> {
    let all = names(&scaler, &tenant).into_iter().map(|name| (name, true));
    resources(&format!("{EXTERNAL}/v1beta1"), all, "ExternalMetricValueList")
}

async fn custom_resources(version: &str, State(scaler): Running, Extension(tenant): Tenant) -> Json<Value> {
    let metrics = names(&scaler, &tenant);
    let all = RESOURCES.iter().flat_map(|(resource, ..)| {
        let namespaced = !["nodes", "namespaces"].contains(resource);
        metrics.iter().map(move |metric| (format!("{resource}/{metric}"), namespaced))
    });
    resources(&format!("{CUSTOM}/{version}"), all, "MetricValueList")
}

fn selector(text: &str) -> Result<LabelSelector, Refusal> {
    LabelSelector::parse(text).map_err(|why| Refusal::bad(format!("unable to parse the label selector: {why}")))
}

/// A policy is of a tenant, and for all its namespaces.
async fn external_values(
    State(scaler): Running,
    Extension(tenant): Tenant,
    Path((_, metric)): Path<(String, String)>,
    Query(selectors): Query<Selectors>,
) -> Answer {
    let selector = selector(&selectors.label_selector)?;
    let found = items(&scaler, &tenant, &metric, &selector, |_| true).await?;
    Ok(Json(external(&metric, &found)))
}

async fn custom_values(
    version: &str,
    State(scaler): Running,
    Extension(tenant): Tenant,
    (namespace, object, name, metric): (Option<String>, String, String, String),
    Query(selectors): Query<Selectors>,
) -> Answer {
    let (object_version, kind, label) = resource(&object)?;
    let (of_objects, of_metrics) = (selector(&selectors.label_selector)?, selector(&selectors.metric_label_selector)?);
    let of_namespace = |labels: &gantry_model::LabelSet| {
        namespace.as_deref().is_none_or(|wanted| labels.get("namespace").is_none_or(|found| found == wanted))
    };
    let found: Vec<Item> = items(&scaler, &tenant, &metric, &of_metrics, |labels| {
        let described = labels.get(label);
        described.is_some_and(|found| name == "*" || found == name)
            && of_namespace(labels)
            && (name != "*" || of_objects.matches(labels))
    })
    .await?;
    if found.is_empty() {
        let message = format!("the server could not find the metric {metric} for {object} {name}");
        return Err(Refusal::not_found(message));
    }
    Ok(Json(custom(version, &metric, (object_version, kind, label), namespace.as_deref(), &found)))
}

#[cfg(test)]
mod tests {
    use crate::kubernetes::{amount, time};

    #[test]
    fn values_are_quantities_and_times_of_kubernetes() {
        for (value, quantity) in [(5.0, "5"), (2.5, "2500m"), (0.0004, "1m"), (-1.5, "-1500m")] {
            assert_eq!(amount(value), quantity);
        }
        assert_eq!(time(1_700_000_000_123), "2023-11-14T22:13:20Z");
    }
}
