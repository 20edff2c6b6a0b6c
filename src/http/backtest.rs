//! `POST /api/v1/backtest/rules`: a rule file in the body, a report of what it would have done in the answer.

use super::tenant::Tenant;
use crate::backtest::{Backtests, NoReport};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use gantry_alerting::RuleFile;
use gantry_backtest::{ReplayError, Span};
use gantry_query_lang::duration::parse_prometheus_duration;
use gantry_ruler::Language;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// Between evaluations of groups that do not say.
const INTERVAL_MS: i64 = 60_000;

pub fn backtest_router(backtests: Arc<Backtests>) -> Router {
    Router::new().route("/api/v1/backtest/rules", post(rules)).with_state(backtests)
}

/// Times as in Prometheus' API: seconds since 1970 or RFC 3339; a step in seconds or as a duration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    start: String,
    end: String,
    step: Option<String>,
    /// promql, which is the default, or logql.
    #[serde(default)]
    language: Spoken,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Spoken {
    #[default]
    Promql,
    Logql,
}

impl From<Spoken> for Language {
    fn from(spoken: Spoken) -> Language {
        match spoken {
            Spoken::Promql => Language::Promql,
            Spoken::Logql => Language::Logql,
        }
    }
}

impl Parameters {
    fn span(&self) -> Result<Span, String> {
        let instant = |name: &str, text: &str| {
            let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.abs() < 1e11).map(|s| (s * 1000.0) as i64);
            let millis = || chrono::DateTime::parse_from_rfc3339(text).map(|at| at.timestamp_millis()).ok();
            seconds.or_else(millis).ok_or_else(|| format!("{name} is seconds since 1970 or RFC 3339, not {text:?}"))
        };
        let step = |text: &String| {
            let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds < 1e9).map(|s| (s * 1000.0) as i64);
            let millis = || parse_prometheus_duration(text).ok().map(|nanos| nanos / 1_000_000);
            let step = seconds.or_else(millis).filter(|step| *step > 0);
            step.ok_or_else(|| format!("step is seconds or a duration such as 15s, above 0, not {text:?}"))
        };
        let (start_ms, end_ms) = (instant("start", &self.start)?, instant("end", &self.end)?);
        let step_ms = self.step.as_ref().map(step).transpose()?;
        Ok(Span { start_ms, end_ms, step_ms, interval_ms: INTERVAL_MS })
    }
}

async fn rules(
    State(backtests): State<Arc<Backtests>>,
    tenant: Tenant,
    parameters: Result<Query<Parameters>, axum::extract::rejection::QueryRejection>,
    body: String,
) -> Response {
    let parameters = parameters.map_err(|error| error.body_text()).map(|Query(parameters)| parameters);
    let asked = parameters.and_then(|parameters| Ok((parameters.span()?, Language::from(parameters.language))));
    let (span, language) = match asked {
        Ok(asked) => asked,
        Err(wrong) => return refusal(StatusCode::BAD_REQUEST, "bad_data", &wrong),
    };
    let file = match RuleFile::parse(&body) {
        Ok(file) => file,
        Err(wrong) => {
            return refusal(StatusCode::BAD_REQUEST, "bad_data", &format!("the body is no rule file: {wrong}"));
        }
    };
    let problems = backtests.problems(&file, language);
    if !problems.is_empty() {
        return refusal(StatusCode::BAD_REQUEST, "bad_data", &problems.join("\n"));
    }
    match backtests.run(&tenant.0, (file, language), span).await {
        Ok(report) => Json(json!({ "status": "success", "data": report })).into_response(),
        Err(NoReport::Busy) => {
            let what = "as many backtests run as may; try again when one is done";
            refusal(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", what)
        }
        Err(NoReport::Replay(error)) => {
            let (status, kind) = match error {
                ReplayError::Invalid(_) => (StatusCode::BAD_REQUEST, "bad_data"),
                ReplayError::TooMuch(_) => (StatusCode::UNPROCESSABLE_ENTITY, "execution"),
                ReplayError::History(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            };
            refusal(status, kind, &error.to_string())
        }
    }
}

fn refusal(status: StatusCode, kind: &str, error: &str) -> Response {
    (status, Json(json!({ "status": "error", "errorType": kind, "error": error }))).into_response()
}
