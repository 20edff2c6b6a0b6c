//! A delete request as it lies in the metadata: `docs/format/catalog.md`.

use super::Pending;
use crate::wal::WalPosition;
use gantry_model::{LineFilter, LineOp, MatchOp, Matcher, RegexError, Selector, TimeRange, Timestamp};
use gantry_store_api::{DeleteRequest, DeleteStatus, DeleteWhat};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub number: u64,
    pub query: String,
    pub by: String,
    pub range: TimeRange,
    pub created_at: Timestamp,
    pub status: Status,
    /// Removal has begun: too late to cancel.
    #[serde(default)]
    pub started: bool,
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    matchers: Vec<MatcherRecord>,
    lines: Vec<LineRecord>,
    /// By partition: the request means what lies before this place of the log.
    pub cuts: BTreeMap<u32, WalPosition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Received,
    Processed,
    Cancelled,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct MatcherRecord {
    name: String,
    op: String,
    value: String,
    /// The regex in the dialect of the `regex` crate, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct LineRecord {
    op: String,
    texts: Vec<String>,
}

const MATCH_OPS: [MatchOp; 4] = [MatchOp::Eq, MatchOp::NotEq, MatchOp::Regex, MatchOp::NotRegex];
const LINE_OPS: [(LineOp, &str); 4] =
    [(LineOp::Contains, "|="), (LineOp::NotContains, "!="), (LineOp::Matches, "|~"), (LineOp::NotMatches, "!~")];

impl Record {
    pub(super) fn new(number: u64, what: &DeleteWhat, created_at: Timestamp, cuts: BTreeMap<u32, WalPosition>) -> Self {
        let matcher = |matcher: &Matcher| MatcherRecord {
            name: matcher.name.clone(),
            op: matcher.op.as_str().into(),
            value: matcher.value.clone(),
            pattern: matcher.pattern().map(Into::into),
        };
        let op = |line: &LineFilter| LINE_OPS.iter().find(|(op, _)| *op == line.op).map_or("", |(_, name)| *name);
        let line = |line: &LineFilter| LineRecord { op: op(line).into(), texts: line.texts.clone() };
        Record {
            number,
            query: what.query.clone(),
            by: what.by.clone(),
            range: what.range,
            created_at,
            status: Status::Received,
            started: false,
            ended_at: None,
            matchers: what.selector.0.iter().map(matcher).collect(),
            lines: what.lines.iter().map(line).collect(),
            cuts,
        }
    }

    pub(super) fn id(&self) -> String {
        format!("{:08x}", self.number)
    }

    pub(super) fn pending(&self) -> Result<Pending, RegexError> {
        let unknown = |op: &str| RegexError(format!("unknown operator {op:?}"));
        let matcher = |record: &MatcherRecord| {
            let op = MATCH_OPS.into_iter().find(|op| op.as_str() == record.op).ok_or_else(|| unknown(&record.op))?;
            let pattern = record.pattern.as_ref().unwrap_or(&record.value);
            Matcher::with_pattern(&record.name, op, &record.value, pattern)
        };
        let line = |record: &LineRecord| {
            let op = LINE_OPS.iter().find(|(_, name)| *name == record.op).ok_or_else(|| unknown(&record.op))?;
            LineFilter::new(op.0, record.texts.clone())
        };
        Ok(Pending {
            number: self.number,
            selector: Selector(self.matchers.iter().map(matcher).collect::<Result<_, _>>()?),
            lines: self.lines.iter().map(line).collect::<Result<_, _>>()?,
            range: self.range,
            created_at: self.created_at,
        })
    }

    pub(super) fn request(&self) -> DeleteRequest {
        DeleteRequest {
            id: self.id(),
            query: self.query.clone(),
            range: self.range,
            by: self.by.clone(),
            created_at: self.created_at,
            status: match self.status {
                Status::Received => DeleteStatus::Received,
                Status::Processed => DeleteStatus::Processed,
                Status::Cancelled => DeleteStatus::Cancelled,
            },
            ended_at: self.ended_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_back_as_it_was_written() {
        let matchers = MATCH_OPS.map(|op| Matcher::with_pattern("app", op, "a.c", "a(?:.)c").unwrap());
        let lines = LINE_OPS.map(|(op, _)| LineFilter::new(op, vec!["x.y".into(), "z".into()]).unwrap());
        let what = DeleteWhat {
            selector: Selector(matchers.into()),
            lines: lines.into(),
            range: TimeRange::new(Timestamp(3), Timestamp(9)),
            query: "{app=\"a\"}".into(),
            by: "me".into(),
        };
        let record = Record::new(7, &what, Timestamp(5), BTreeMap::from([(1, WalPosition { segment: 2, offset: 3 })]));
        let text = serde_json::to_string(&record).unwrap();
        let back: Record = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
        let pending = back.pending().unwrap();
        assert_eq!((pending.selector.clone(), pending.lines.clone()), (what.selector.clone(), what.lines.clone()));
        let patterns =
            |selector: &Selector| -> Vec<_> { selector.0.iter().map(|m| m.pattern().map(String::from)).collect() };
        assert_eq!(patterns(&pending.selector), patterns(&what.selector));
        assert_eq!(back.request().id, "00000007");
    }
}
