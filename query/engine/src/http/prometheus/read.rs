//! `POST /api/v1/read`: remote read, by which another Prometheus asks for samples as they are stored. Answers are of type `SAMPLES`.

use super::Engine;
use super::envelope::Refusal;
use crate::QueryError;
use crate::http::request::Caller;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use gantry_model::{MatchOp, Matcher, Selector};
use gantry_prompb::remote_read::{LabelMatcher, Query, ReadRequest, response};
use gantry_store_api::MillisRange;

/// Most queries of a request.
const MOST_QUERIES: usize = 100;
/// Most bytes of a request after decompression.
const MOST_BYTES: usize = 4 << 20;
/// Number of the type `SAMPLES`.
const SAMPLES: u64 = 0;

pub async fn read(State(engine): Engine, caller: Caller, body: Bytes) -> Result<Response, Refusal> {
    let run = async {
        let request = request(&body)?;
        let mut results = Vec::with_capacity(request.queries.len());
        for query in &request.queries {
            let range = MillisRange { first: query.start_ms, last: query.end_ms };
            results.push(engine.stored_samples(&caller.tenant, selector(query)?, range).await?);
        }
        let packed = snap::raw::Encoder::new().compress_vec(&response(&results));
        let packed = packed.map_err(|_| QueryError::Budget(TOO_LARGE.to_owned()))?;
        let headers = [(header::CONTENT_TYPE, "application/x-protobuf"), (header::CONTENT_ENCODING, "snappy")];
        Ok((headers, packed).into_response())
    };
    run.await.map_err(|error| Refusal::new(&caller, error))
}

const TOO_LARGE: &str = "the answer is too large for one remote read; ask for fewer series or a shorter range";

fn request(body: &[u8]) -> Result<ReadRequest, QueryError> {
    let wrong = |what: String| QueryError::invalid(format!("the request is no remote read: {what}"));
    let len = snap::raw::decompress_len(body).map_err(|error| wrong(error.to_string()))?;
    if len > MOST_BYTES {
        return Err(wrong(format!("{len} bytes are more than {MOST_BYTES}")));
    }
    let plain = snap::raw::Decoder::new().decompress_vec(body).map_err(|error| wrong(error.to_string()))?;
    let request = ReadRequest::read(&plain).map_err(|error| wrong(error.to_string()))?;
    if request.queries.len() > MOST_QUERIES {
        return Err(wrong(format!("more than {MOST_QUERIES} queries")));
    }
    if !request.accepted.is_empty() && !request.accepted.contains(&SAMPLES) {
        return Err(QueryError::invalid("only answers of type SAMPLES are given: accept them, too"));
    }
    Ok(request)
}

fn selector(query: &Query) -> Result<Selector, QueryError> {
    let matchers = query.matchers.iter().map(matcher).collect::<Result<Vec<_>, _>>()?;
    Ok(Selector(matchers))
}

fn matcher(matcher: &LabelMatcher) -> Result<Matcher, QueryError> {
    let op = match matcher.kind {
        0 => MatchOp::Eq,
        1 => MatchOp::NotEq,
        2 => MatchOp::Regex,
        3 => MatchOp::NotRegex,
        other => return Err(QueryError::invalid(format!("there is no matcher of type {other}"))),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (name, value) = (text(&matcher.name), text(&matcher.value));
    Matcher::new(&name, op, &value).map_err(|error| QueryError::invalid(format!("matcher of {name:?}: {error}")))
}
