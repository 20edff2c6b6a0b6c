//! `POST` and `PUT /api/v1/admin/tsdb/delete_series`, as in Prometheus: `match[]` (several), `start` and `end`.

use super::delete::{name, refusal};
use super::tenant::Tenant;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use gantry_query::SeriesScope;
use gantry_store::Store;
use gantry_store_api::{DeleteSeries, DeleteSeriesWhat};
use std::sync::Arc;

type Pairs = Vec<(String, String)>;

/// Answers 204 when the samples are gone.
pub async fn create(
    State(store): State<Arc<Store>>,
    tenant: Tenant,
    headers: HeaderMap,
    Query(mut pairs): Query<Pairs>,
    body: Bytes,
) -> Result<StatusCode, (StatusCode, String)> {
    let tenant = tenant.writable()?;
    pairs.extend(form(&headers, &body).map_err(bad)?);
    let query: Vec<&str> = pairs.iter().filter(|(name, _)| name == "match[]").map(|(_, value)| &**value).collect();
    if query.is_empty() {
        return Err(bad("no match[] parameter provided".to_owned()));
    }
    let query = query.join(" ");
    let SeriesScope { selectors, range } = SeriesScope::from_pairs(pairs).map_err(|error| bad(error.to_string()))?;
    let what = DeleteSeriesWhat { selectors, range, query, by: name(&headers) };
    store.delete_series(&tenant, what).await.map_err(|error| refusal(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

fn bad(text: String) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, text + "\n")
}

/// The pairs of a form; none of anything else.
fn form(headers: &HeaderMap, body: &[u8]) -> Result<Pairs, String> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") || body.is_empty() {
        return Ok(Pairs::new());
    }
    let wrong = |error: &dyn std::fmt::Display| format!("the form cannot be read: {error}");
    let text = std::str::from_utf8(body).map_err(|error| wrong(&error))?;
    let uri: Uri = format!("/?{text}").parse().map_err(|error| wrong(&error))?;
    let Query(pairs) = Query::try_from_uri(&uri).map_err(|error| wrong(&error))?;
    Ok(pairs)
}
