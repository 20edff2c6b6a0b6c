//! `GET /api/v1/rules`, `/api/v1/alerts` and `/api/v1/alertmanagers`, as in Prometheus: rules of the tenant who asks, in PromQL and LogQL. Below
//! `/prometheus`, where Loki's ruler has them, those in LogQL alone.

use super::tenant::Tenant;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use gantry_alerting::{Alert, AlertState, Rule};
use gantry_model::{LabelSet, Selector};
use gantry_query::SeriesScope;
use gantry_ruler::{GroupStatus, Language, RuleStatus, Ruler};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

type Rules = State<Arc<Ruler>>;

/// `told`: where alerts are sent.
pub fn rules_router(ruler: Arc<Ruler>, told: Vec<String>) -> Router {
    let told: Vec<Value> = told.into_iter().map(|url| json!({ "url": url })).collect();
    let told = json!({ "activeAlertmanagers": told, "droppedAlertmanagers": [] });
    Router::new()
        .route("/api/v1/alertmanagers", get(async move || success(&told)))
        .route("/api/v1/rules", get(all_rules))
        .route("/api/v1/alerts", get(all_alerts))
        .route("/prometheus/api/v1/rules", get(log_rules))
        .route("/prometheus/api/v1/alerts", get(log_alerts))
        .route("/graph", get(graph))
        .with_state(ruler.clone())
        .merge(super::rule_groups::routes(&ruler))
}

async fn all_rules(State(ruler): Rules, tenant: Tenant, Query(pairs): Query<Vec<(String, String)>>) -> Response {
    rules(&ruler.groups(&tenant.0), &pairs)
}

async fn log_rules(State(ruler): Rules, tenant: Tenant, Query(pairs): Query<Vec<(String, String)>>) -> Response {
    rules(&of_logs(&ruler, &tenant), &pairs)
}

async fn all_alerts(State(ruler): Rules, tenant: Tenant) -> Response {
    alerts(&ruler.groups(&tenant.0))
}

async fn log_alerts(State(ruler): Rules, tenant: Tenant) -> Response {
    alerts(&of_logs(&ruler, &tenant))
}

fn of_logs(ruler: &Ruler, tenant: &Tenant) -> Vec<GroupStatus> {
    let mut groups = ruler.groups(&tenant.0);
    groups.retain(|group| group.id.language == Language::Logql);
    groups
}

/// Where links of alerts lead: to the answer of the expression.
async fn graph(Query(pairs): Query<Vec<(String, String)>>) -> Redirect {
    let expr = pairs.iter().find(|(name, _)| name == "g0.expr").map_or("", |(_, expr)| expr);
    let query: String = form_urlencoded::byte_serialize(expr.as_bytes()).collect();
    Redirect::to(&format!("/api/v1/query?query={query}"))
}

/// What of the rules is asked for; lists that are empty ask for everything.
#[derive(Debug, Default)]
struct Wanted {
    kind: Option<&'static str>,
    rules: Vec<String>,
    groups: Vec<String>,
    files: Vec<String>,
    selectors: Vec<Selector>,
    without_alerts: bool,
    /// Most groups, and the token of the first.
    page: Option<usize>,
    from: Option<String>,
}

impl Wanted {
    fn read(pairs: &[(String, String)]) -> Result<Wanted, String> {
        let mut wanted = Wanted::default();
        for (name, value) in pairs {
            match name.as_str() {
                "type" => {
                    wanted.kind = match value.as_str() {
                        "" => None,
                        "alert" => Some("alerting"),
                        "record" => Some("recording"),
                        other => return Err(format!("invalid parameter \"type\": not supported value {other:?}")),
                    }
                }
                "rule_name[]" => wanted.rules.push(value.clone()),
                "rule_group[]" => wanted.groups.push(value.clone()),
                "file[]" => wanted.files.push(value.clone()),
                "exclude_alerts" => wanted.without_alerts = value == "true",
                "group_limit" => {
                    let limit = value.parse().ok().filter(|limit| *limit > 0);
                    wanted.page = Some(limit.ok_or_else(|| format!("group_limit is a number above 0, not {value:?}"))?);
                }
                "group_next_token" => wanted.from = Some(value.clone()).filter(|token| !token.is_empty()),
                _ => {}
            }
        }
        let matches = pairs.iter().filter(|(name, _)| name == "match[]").cloned().collect();
        wanted.selectors = SeriesScope::from_pairs(matches).map_err(|error| error.to_string())?.selectors;
        if wanted.from.is_some() && wanted.page.is_none() {
            return Err("group_limit needs to be set in order to paginate over the groups".to_owned());
        }
        Ok(wanted)
    }

    fn has_group(&self, group: &GroupStatus) -> bool {
        let any = |list: &[String], name: &str| list.is_empty() || list.iter().any(|one| one == name);
        any(&self.groups, &group.id.name) && any(&self.files, group.id.origin.name())
    }

    fn has_rule(&self, rule: &Rule) -> bool {
        let labels = LabelSet::from_pairs(&rule.labels);
        (self.rules.is_empty() || self.rules.iter().any(|name| name == rule.name()))
            && self.kind.is_none_or(|kind| kind == kind_of(rule))
            && (self.selectors.is_empty() || self.selectors.iter().any(|selector| selector.matches(&labels)))
    }
}

fn kind_of(rule: &Rule) -> &'static str {
    if rule.alert.is_empty() { "recording" } else { "alerting" }
}

/// Names the place of a group in the order of all.
fn token(group: &GroupStatus) -> String {
    let key = [group.id.language.as_str(), group.id.origin.name(), group.id.name.as_str()];
    LabelSet::from_pairs([("key", key.join("\n"))]).stream_id().0.to_string()
}

fn rules(groups: &[GroupStatus], pairs: &[(String, String)]) -> Response {
    let wanted = match Wanted::read(pairs) {
        Ok(wanted) => wanted,
        Err(wrong) => return bad(&wrong),
    };
    let mut shown: Vec<(&GroupStatus, Value)> = groups
        .iter()
        .filter(|group| wanted.has_group(group))
        .filter_map(|group| Some((group, shown_group(group, &wanted)?)))
        .collect();
    if let Some(from) = &wanted.from {
        let Some(at) = shown.iter().position(|(group, _)| token(group) == *from) else {
            return bad(&format!("invalid group_next_token {from:?}: the groups have changed; begin again"));
        };
        shown.drain(..at);
    }
    let next = wanted.page.and_then(|most| shown.get(most)).map(|(group, _)| token(group));
    shown.truncate(wanted.page.unwrap_or(usize::MAX));
    let mut data = Map::new();
    data.insert("groups".into(), shown.into_iter().map(|(_, value)| value).collect());
    if let Some(next) = next {
        data.insert("groupNextToken".into(), next.into());
    }
    success(&Value::Object(data))
}

/// `None`: no rule of the group is asked for, but some are.
fn shown_group(group: &GroupStatus, wanted: &Wanted) -> Option<Value> {
    let pairs = group.group.rules.iter().zip(&group.rules).filter(|(rule, _)| wanted.has_rule(rule));
    let rules: Vec<Value> = pairs.map(|(rule, status)| shown_rule(group, rule, status, wanted)).collect();
    if rules.is_empty() && !group.group.rules.is_empty() {
        return None;
    }
    Some(json!({
        "name": group.id.name,
        "file": group.id.origin.name(),
        "rules": rules,
        "interval": group.interval_ms as f64 / 1000.0,
        "limit": group.group.limit,
        "evaluationTime": group.took,
        "lastEvaluation": instant(group.last_ms),
    }))
}

fn shown_rule(group: &GroupStatus, rule: &Rule, status: &RuleStatus, wanted: &Wanted) -> Value {
    let mut labels: BTreeMap<&str, &str> = BTreeMap::new();
    labels.extend(group.group.labels.iter().chain(&rule.labels).map(|(name, value)| (name.as_str(), value.as_str())));
    let mut shown = json!({ "name": rule.name(), "query": rule.expr, "labels": labels });
    if kind_of(rule) == "alerting" {
        shown["state"] = json!(state(status).as_str());
        shown["duration"] = json!(rule.for_ms as f64 / 1000.0);
        shown["keepFiringFor"] = json!(rule.keep_firing_for_ms as f64 / 1000.0);
        shown["annotations"] = json!(rule.annotations);
        shown["alerts"] = if wanted.without_alerts { json!([]) } else { live(status).map(shown_alert).collect() };
    }
    shown["health"] = json!(status.health.as_str());
    if !status.last_error.is_empty() {
        shown["lastError"] = json!(status.last_error);
    }
    shown["evaluationTime"] = json!(status.took);
    shown["lastEvaluation"] = json!(instant(status.last_ms));
    shown["type"] = json!(kind_of(rule));
    shown
}

/// Alerts that are not over.
fn live(status: &RuleStatus) -> impl Iterator<Item = &Alert> {
    status.alerts.iter().filter(|alert| alert.state != AlertState::Inactive)
}

/// Of several alerts the one that is furthest.
fn state(status: &RuleStatus) -> AlertState {
    let states: Vec<AlertState> = live(status).map(|alert| alert.state).collect();
    [AlertState::Firing, AlertState::Pending]
        .into_iter()
        .find(|state| states.contains(state))
        .unwrap_or(AlertState::Inactive)
}

fn alerts(groups: &[GroupStatus]) -> Response {
    let all = groups.iter().flat_map(|group| &group.rules).flat_map(live);
    success(&json!({ "alerts": all.map(shown_alert).collect::<Value>() }))
}

fn shown_alert(alert: &Alert) -> Value {
    let labels: Map<String, Value> = alert.labels.iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let mut shown = json!({
        "labels": labels,
        "annotations": alert.annotations,
        "state": alert.state.as_str(),
        "activeAt": instant(Some(alert.active_ms)),
        "value": exponential(alert.value),
    });
    if let Some(since) = alert.keep_firing_since_ms {
        shown["keepFiringSince"] = json!(instant(Some(since)));
    }
    shown
}

/// A number as Go's `strconv.FormatFloat(value, 'e', -1, 64)` writes it: `1.5e+01`.
fn exponential(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// RFC 3339; Go's zero time before the first evaluation.
fn instant(at_ms: Option<i64>) -> String {
    let at = at_ms.and_then(chrono::DateTime::from_timestamp_millis);
    at.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |at| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}

fn success(data: &Value) -> Response {
    Json(json!({ "status": "success", "data": data })).into_response()
}

fn bad(text: &str) -> Response {
    let body = json!({ "status": "error", "errorType": "bad_data", "error": text });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::exponential;

    #[test]
    fn values_are_written_as_go_writes_them() {
        let cases = [(0.0, "0e+00"), (1.0, "1e+00"), (15.5, "1.55e+01"), (-0.001, "-1e-03"), (1e120, "1e+120")];
        for (value, written) in cases {
            assert_eq!(exponential(value), written);
        }
        assert_eq!(exponential(f64::NEG_INFINITY), "-Inf");
    }
}
