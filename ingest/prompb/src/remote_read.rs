//! Remote read (prometheus/prometheus, `prompb/remote.proto`): requests are read, answers of type `SAMPLES` are written.

use crate::{Message, Value, Wire, WireError, histogram};
use gantry_model::LabelSet;
use gantry_model::metric::Samples;

/// `prometheus.LabelMatcher`; `kind` is 0 for `=`, 1 for `!=`, 2 for `=~`, 3 for `!~`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelMatcher {
    pub kind: u64,
    pub name: Vec<u8>,
    pub value: Vec<u8>,
}

/// `prometheus.Query`, without hints: they may be ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Milliseconds, both within.
    pub start_ms: i64,
    pub end_ms: i64,
    pub matchers: Vec<LabelMatcher>,
}

/// `prometheus.ReadRequest`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadRequest {
    pub queries: Vec<Query>,
    /// 0 is `SAMPLES`, 1 is `STREAMED_XOR_CHUNKS`; `SAMPLES` when empty.
    pub accepted: Vec<u64>,
}

impl ReadRequest {
    /// # Errors
    /// With the position, when the bytes are no message.
    pub fn read(body: &[u8]) -> Result<Self, WireError> {
        let (mut wire, mut request) = (Wire::new(body), ReadRequest::default());
        while let Some(field) = wire.field()? {
            match field {
                (1, Value::Bytes(query)) => request.queries.push(read_query(query)?),
                (2, kinds) => kinds.varints(|kind| request.accepted.push(kind))?,
                _ => {}
            }
        }
        Ok(request)
    }
}

fn read_query(mut wire: Wire<'_>) -> Result<Query, WireError> {
    let mut query = Query::default();
    while let Some(field) = wire.field()? {
        match field {
            (1, Value::Varint(at)) => query.start_ms = at as i64,
            (2, Value::Varint(at)) => query.end_ms = at as i64,
            (3, Value::Bytes(matcher)) => query.matchers.push(read_matcher(matcher)?),
            _ => {}
        }
    }
    Ok(query)
}

fn read_matcher(mut wire: Wire<'_>) -> Result<LabelMatcher, WireError> {
    let mut matcher = LabelMatcher::default();
    while let Some(field) = wire.field()? {
        match field {
            (1, Value::Varint(kind)) => matcher.kind = kind,
            (2, Value::Bytes(name)) => matcher.name = name.bytes().to_vec(),
            (3, Value::Bytes(value)) => matcher.value = value.bytes().to_vec(),
            _ => {}
        }
    }
    Ok(matcher)
}

/// Adds a `prometheus.TimeSeries` to a `prometheus.QueryResult`.
pub fn write_series(result: &mut Message, labels: &LabelSet, samples: &Samples) {
    result.message(1, |series| {
        for (name, value) in labels.iter() {
            series.message(1, |label| {
                label.bytes(1, name.as_bytes());
                label.bytes(2, value.as_bytes());
            });
        }
        for (at, value) in samples.timestamps.iter().zip(&samples.values) {
            series.message(2, |sample| {
                sample.double(1, *value);
                sample.int(2, *at);
            });
        }
        samples.histograms.iter().for_each(|(at, one)| series.message(4, |into| histogram::write(into, *at, one)));
    });
}

/// `prometheus.ReadResponse`, with a `QueryResult` for every query.
pub fn response(results: &[Vec<u8>]) -> Vec<u8> {
    let mut response = Message::default();
    for result in results {
        response.bytes(1, result);
    }
    response.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_as_they_are_written() {
        let mut message = Message::default();
        message.message(1, |query| {
            query.int(1, 1000);
            query.int(2, 2000);
            query.message(3, |matcher| {
                matcher.varint(1, 2);
                matcher.bytes(2, b"job");
                matcher.bytes(3, b"a.*");
            });
        });
        message.packed(2, [1u64, 0].into_iter());
        let request = ReadRequest::read(&message.into_bytes()).unwrap();
        let matcher = LabelMatcher { kind: 2, name: b"job".to_vec(), value: b"a.*".to_vec() };
        let query = Query { start_ms: 1000, end_ms: 2000, matchers: vec![matcher] };
        assert_eq!(request, ReadRequest { queries: vec![query], accepted: vec![1, 0] });
        assert!(ReadRequest::read(&[0x0a, 0x7f]).is_err());
    }

    #[test]
    fn a_query_without_series_has_an_empty_result() {
        assert_eq!(response(&[Vec::new(), Vec::new()]), [0x0a, 0, 0x0a, 0]);
    }
}
