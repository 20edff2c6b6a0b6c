//! Handlers about the language: a query printed well, and as a tree.

use super::envelope::{Refusal, success};
use super::{Engine, params};
use crate::http::request::Ask;
use crate::json;
use axum::extract::State;
use axum::response::Response;

pub async fn format(State(engine): Engine, ask: Ask) -> Result<Response, Refusal> {
    let query =
        params::query(&ask.params, engine.promql_options()).map_err(|error| Refusal::new(&ask.caller, error))?;
    let mut data = String::new();
    json::string(&query.pretty(), &mut data);
    Ok(success(&data, &[]))
}

pub async fn parse(State(engine): Engine, ask: Ask) -> Result<Response, Refusal> {
    let query =
        params::query(&ask.params, engine.promql_options()).map_err(|error| Refusal::new(&ask.caller, error))?;
    Ok(success(&query.to_json().to_string(), &[]))
}
