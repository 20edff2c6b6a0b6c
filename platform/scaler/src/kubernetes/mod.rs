//! Answers as Kubernetes' metrics APIs give them (kubernetes/metrics): `external.metrics.k8s.io` and `custom.metrics.k8s.io`.
//!
//! Metrics are those of the tenant's policies, by name, and `gantry_scale_desired_replicas`. Every series of an answer is an item;
//! its labels, and `policy`, can be selected by. A custom metric describes the object that a label of its series names: `pod`,
//! `service`, `deployment`. What cannot be measured is an error, so that an autoscaler holds.

mod selector;

pub use selector::LabelSelector;

use crate::gather::ask;
use crate::scaler::{Found, Scaler};
use chrono::{DateTime, SecondsFormat};
use gantry_model::{LabelSet, TenantId};
use gantry_platform_model::{MetricSpec, quantity};
use serde_json::{Value, json};

/// What policies decided, as a metric.
pub const DESIRED: &str = "gantry_scale_desired_replicas";

/// Why there is no answer: a status and its reason, in Kubernetes' words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn bad(message: String) -> Refusal {
        Refusal { code: 400, reason: "BadRequest", message }
    }

    pub fn not_found(message: String) -> Refusal {
        Refusal { code: 404, reason: "NotFound", message }
    }

    fn unavailable(message: String) -> Refusal {
        Refusal { code: 503, reason: "ServiceUnavailable", message }
    }

    /// A `Status` of `meta/v1`.
    pub fn status(&self) -> Value {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        })
    }
}

/// One series of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub labels: LabelSet,
    pub at_ms: i64,
    pub value: f64,
}

/// The names of the metrics of a tenant, sorted.
pub fn names(scaler: &Scaler, tenant: &TenantId) -> Vec<String> {
    let policies = scaler.policies(tenant);
    let mut names: Vec<String> =
        policies.iter().flat_map(|found| found.policy.scale.metrics.iter().map(|metric| metric.name.clone())).collect();
    names.push(DESIRED.to_owned());
    names.sort();
    names.dedup();
    names
}

/// Every series of a metric whose labels fit.
///
/// # Errors
/// There is no such metric, or one of its policies cannot measure it.
pub async fn items(
    scaler: &Scaler,
    tenant: &TenantId,
    metric: &str,
    selector: &LabelSelector,
    fits: impl Fn(&LabelSet) -> bool,
) -> Result<Vec<Item>, Refusal> {
    let mut known = false;
    let mut items = Vec::new();
    for found in scaler.policies(tenant) {
        let name = found.policy.name.clone();
        let spec = found.policy.scale.metrics.iter().find(|spec| spec.name == metric);
        known |= spec.is_some() || metric == DESIRED;
        // Of a selector that says which policy, no other is asked.
        let of_policy = LabelSet::from_pairs([("policy", &name)]);
        if !selector.may_match("policy", &of_policy) {
            continue;
        }
        let read = match spec {
            _ if metric == DESIRED => desired(scaler, tenant, &found).await?,
            Some(spec) => measured(scaler, tenant, spec).await?,
            None => continue,
        };
        items.extend(read.into_iter().filter_map(|item| {
            let pairs = item.labels.iter().filter(|(label, _)| *label != "__name__");
            let labels = LabelSet::from_pairs(pairs.chain([("policy", name.as_str())]));
            (selector.matches(&labels) && fits(&labels)).then_some(Item { labels, ..item })
        }));
    }
    if known { Ok(items) } else { Err(Refusal::not_found(format!("no policy has a metric {metric:?}"))) }
}

async fn desired(scaler: &Scaler, tenant: &TenantId, found: &Found) -> Result<Vec<Item>, Refusal> {
    let last = match &found.last {
        Some(last) => Some(last.clone()),
        None => scaler.look_now(tenant, &found.policy.name).await,
    };
    let item = |at_ms, replicas: u32| Item { labels: LabelSet::default(), at_ms, value: f64::from(replicas) };
    Ok(last.map(|last| item(last.decision.at_ms, last.decision.desired)).into_iter().collect())
}

async fn measured(scaler: &Scaler, tenant: &TenantId, spec: &MetricSpec) -> Result<Vec<Item>, Refusal> {
    let failed = |why: String| Refusal::unavailable(format!("{}: {why}", spec.name));
    let query = spec.query.as_ref().ok_or_else(|| failed("it has no query".to_owned()))?;
    let now_ms = scaler.now_ms();
    let found = ask(&**scaler.signals(), tenant, query, now_ms).await.map_err(failed)?;
    let age_s = (now_ms - found.at_ms) / 1000;
    if age_s > i64::from(spec.max_age_seconds) {
        return Err(failed(format!("the signal is stale: {age_s} s old")));
    }
    if found.series.is_empty() || found.series.iter().any(|(_, value)| quantity::of(*value).is_none()) {
        return Err(failed("the query returned no finite number".to_owned()));
    }
    let at_ms = found.at_ms;
    Ok(found.series.into_iter().map(|(labels, value)| Item { labels, at_ms, value }).collect())
}

/// RFC 3339, to the second.
pub fn time(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A quantity in thousandths at the finest.
pub fn amount(value: f64) -> String {
    quantity::of(value).map_or_else(|| "0".to_owned(), quantity::show)
}

/// An `ExternalMetricValueList`.
pub fn external(metric: &str, items: &[Item]) -> Value {
    let shown = items.iter().map(|item| {
        json!({
            "metricName": metric,
            "metricLabels": item.labels.iter().collect::<std::collections::BTreeMap<_, _>>(),
            "timestamp": time(item.at_ms),
            "value": amount(item.value),
        })
    });
    json!({
        "kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1", "metadata": {},
        "items": shown.collect::<Value>(),
    })
}

/// Kinds of objects that metrics can describe: resource, group and version, kind, and the label that names them.
pub const RESOURCES: [(&str, &str, &str, &str); 7] = [
    ("pods", "v1", "Pod", "pod"),
    ("services", "v1", "Service", "service"),
    ("nodes", "v1", "Node", "node"),
    ("namespaces", "v1", "Namespace", "namespace"),
    ("deployments.apps", "apps/v1", "Deployment", "deployment"),
    ("statefulsets.apps", "apps/v1", "StatefulSet", "statefulset"),
    ("ingresses.networking.k8s.io", "networking.k8s.io/v1", "Ingress", "ingress"),
];

/// The resource by its name with or without its group.
pub fn resource(name: &str) -> Result<(&'static str, &'static str, &'static str), Refusal> {
    let plain = |full: &str| full.split('.').next() == Some(name);
    let found = RESOURCES.iter().find(|(full, ..)| *full == name || plain(full));
    let known = found.map(|(_, version, kind, label)| (*version, *kind, *label));
    known.ok_or_else(|| Refusal::not_found(format!("metrics do not describe {name:?}")))
}

/// A `MetricValueList` of `custom.metrics.k8s.io` in one of its two versions.
pub fn custom(
    version: &str,
    metric: &str,
    (object_version, kind, label): (&str, &str, &str),
    namespace: Option<&str>,
    items: &[Item],
) -> Value {
    let shown = items.iter().map(|item| {
        let mut object = json!({ "kind": kind, "apiVersion": object_version, "name": item.labels.get(label) });
        if let Some(namespace) = namespace {
            object["namespace"] = json!(namespace);
        }
        let mut shown =
            json!({ "describedObject": object, "timestamp": time(item.at_ms), "value": amount(item.value) });
        if version == "v1beta1" {
            shown["metricName"] = json!(metric);
        } else {
            shown["metric"] = json!({ "name": metric, "selector": null });
        }
        shown
    });
    json!({
        "kind": "MetricValueList", "apiVersion": format!("custom.metrics.k8s.io/{version}"), "metadata": {},
        "items": shown.collect::<Value>(),
    })
}
