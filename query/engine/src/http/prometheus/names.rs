//! Handlers about names: labels, series, metadata, exemplars.

use super::envelope::{Refusal, TRUNCATED, success};
use super::{Engine, params};
use crate::http::request::Ask;
use crate::samples::SeriesScope;
use crate::{QueryError, json};
use axum::extract::{Path, State};
use axum::response::Response;

/// The first items that a limit allows, as JSON.
fn limited<T>(
    items: impl ExactSizeIterator<Item = T>,
    limit: Option<usize>,
    write: impl FnMut(T, &mut String),
) -> Response {
    let limit = limit.unwrap_or(usize::MAX);
    let warnings: &[&str] = if items.len() > limit { &[TRUNCATED] } else { &[] };
    let mut data = String::from("[");
    json::list(items.take(limit), &mut data, write);
    data.push(']');
    success(&data, warnings)
}

pub async fn labels(State(engine): Engine, ask: Ask) -> Result<Response, Refusal> {
    let run = async {
        let (scope, limit) = (params::scope(&ask.params)?, params::limit(&ask.params, "limit")?);
        let names = engine.metric_labels(&ask.caller.tenant, &scope).await?;
        Ok(limited(names.iter(), limit, |name, out| json::string(name, out)))
    };
    run.await.map_err(|error| Refusal::new(&ask.caller, error))
}

pub async fn label_values(State(engine): Engine, Path(name): Path<String>, ask: Ask) -> Result<Response, Refusal> {
    let run = async {
        let name = params::label_name(&name)?;
        let (scope, limit) = (params::scope(&ask.params)?, params::limit(&ask.params, "limit")?);
        let values = engine.metric_label_values(&ask.caller.tenant, &name, &scope).await?;
        Ok(limited(values.iter(), limit, |value, out| json::string(value, out)))
    };
    run.await.map_err(|error| Refusal::new(&ask.caller, error))
}

pub async fn series(State(engine): Engine, ask: Ask) -> Result<Response, Refusal> {
    let run = async {
        if ask.params.all("match[]").next().is_none() {
            return Err(QueryError::invalid("no match[] parameter provided"));
        }
        let (scope, limit) = (params::scope(&ask.params)?, params::limit(&ask.params, "limit")?);
        let series = engine.metric_series(&ask.caller.tenant, &scope).await?;
        Ok(limited(series.iter(), limit, |labels, out| json::object(labels.iter(), out)))
    };
    run.await.map_err(|error| Refusal::new(&ask.caller, error))
}

pub async fn metadata(State(engine): Engine, ask: Ask) -> Result<Response, Refusal> {
    let run = async {
        let limit = params::metadata_limit(&ask.params, "limit")?;
        let each = params::metadata_limit(&ask.params, "limit_per_metric")?;
        let family = Some(ask.params.get("metric")).filter(|name| !name.is_empty());
        let families = engine.metric_metadata(&ask.caller.tenant, family);
        let mut data = String::from("{");
        json::list(families.into_iter().take(limit), &mut data, |(name, known), out| {
            json::string(&name, out);
            out.push_str(":[");
            json::list(known.iter().take(each), out, |one, out| {
                let pairs = [("type", one.kind.as_str()), ("unit", &one.unit), ("help", &one.help)];
                json::object(pairs, out);
            });
            out.push(']');
        });
        data.push('}');
        Ok(success(&data, &[]))
    };
    run.await.map_err(|error| Refusal::new(&ask.caller, error))
}

pub async fn exemplars(State(engine): Engine, ask: Ask) -> Result<Response, Refusal> {
    let run = async {
        let range = params::range(&ask.params)?;
        let query = params::query(&ask.params, engine.promql_options())?;
        let selectors: Vec<_> = query.selectors().iter().map(|(vector, _)| vector.selector.clone()).collect();
        if selectors.is_empty() {
            return Ok(success("[]", &[]));
        }
        let scope = SeriesScope { selectors, range };
        let found = engine.metric_exemplars(&ask.caller.tenant, &scope).await?;
        let mut data = String::from("[");
        json::list(&found, &mut data, |(series, exemplars), out| {
            out.push_str("{\"seriesLabels\":");
            json::object(series.iter(), out);
            out.push_str(",\"exemplars\":[");
            json::list(exemplars, out, |exemplar, out| {
                out.push_str("{\"labels\":");
                json::object(exemplar.labels.iter(), out);
                out.push_str(",\"value\":");
                json::sample(exemplar.value, out);
                out.push_str(",\"timestamp\":");
                json::seconds(gantry_model::Timestamp::from_millis(exemplar.timestamp), out);
                out.push('}');
            });
            out.push_str("]}");
        });
        data.push(']');
        Ok(success(&data, &[]))
    };
    run.await.map_err(|error| Refusal::new(&ask.caller, error))
}
