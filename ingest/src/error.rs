//! [`IngestError`]: a request of which nothing was stored, and [`Refusals`]: the bad lines of one that was.

use crate::reason::{Kind, Reason};
use gantry_model::LabelSet;
use gantry_store_api::{ErrorKind, Retry, StoreError};
use std::time::Duration;

/// Why a whole request was refused. The message is for the client: it says what to do and names no internals.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct IngestError {
    pub reason: Reason,
    pub message: String,
    /// When to send the same request again; `None` when that will not help.
    pub retry_after: Option<Duration>,
}

impl IngestError {
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        let retry_after = match reason.kind() {
            Kind::Overloaded => Some(Duration::from_secs(1)),
            Kind::Unavailable => Some(Duration::from_secs(2)),
            Kind::StorageFull => Some(Duration::from_secs(10)),
            _ => None,
        };
        IngestError { reason, message: message.into(), retry_after }
    }

    pub fn retry_after(self, wait: Duration) -> Self {
        IngestError { retry_after: Some(wait), ..self }
    }

    pub fn kind(&self) -> Kind {
        self.reason.kind()
    }

    /// Whether the same lines may be accepted later.
    pub fn is_retryable(&self) -> bool {
        self.retry_after.is_some()
    }
}

/// The text is chosen by kind; the store's own message goes to the log of the operator.
impl From<&StoreError> for IngestError {
    fn from(error: &StoreError) -> Self {
        IngestError::of_store(error, "lines")
    }
}

impl IngestError {
    /// As from the error, for `what` a client sends: lines or samples.
    pub(crate) fn of_store(error: &StoreError, what: &str) -> Self {
        let (reason, message) = match error.kind() {
            ErrorKind::Invalid => (Reason::RefusedByStore, format!("the store does not accept these {what}")),
            ErrorKind::Overloaded => {
                (Reason::Overloaded, "the store has too much to write; send again later".to_owned())
            }
            ErrorKind::StorageFull => {
                (Reason::StorageFull, format!("no space left for {what}; free some or lower the retention"))
            }
            ErrorKind::Unavailable => {
                (Reason::Unavailable, "the store is starting or stopping; send again later".to_owned())
            }
            ErrorKind::Corrupt | ErrorKind::Internal => {
                (Reason::Internal, format!("the {what} could not be stored; see the log"))
            }
        };
        let mut refused = IngestError::new(reason, message);
        if let Retry::After(wait) = error.retry() {
            refused.retry_after = Some(wait);
        }
        refused
    }
}

/// What became of a request: the good lines are durable and queryable, the others are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "refused lines have to be reported"]
pub struct Accepted {
    /// Lines stored.
    pub lines: u64,
    /// Bytes of bodies and metadata stored.
    pub bytes: u64,
    /// Lines that were not stored and never will be.
    pub refused: Refusals,
}

/// Lines (or samples) that were refused one by one, counted by reason, with the first one as an example.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    counts: Vec<Refused>,
    first: Option<String>,
}

/// How many lines were refused for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    pub reason: Reason,
    pub lines: u64,
    pub bytes: u64,
}

/// Longest part of a stream's labels that an answer repeats, in bytes.
const SHOWN_LABELS: usize = 300;

impl Refusals {
    /// Adds lines; `describe` is called for the first refusal only.
    pub fn add(&mut self, reason: Reason, lines: u64, bytes: u64, describe: impl FnOnce() -> String) {
        if lines == 0 {
            return;
        }
        if self.first.is_none() {
            self.first = Some(format!("{reason}: {}", describe()));
        }
        self.count(reason, lines, bytes);
    }

    /// Adds what a later step counted already, with its own words for the first.
    pub(crate) fn add_counted(&mut self, counted: impl Iterator<Item = (Reason, u64)>, first: Option<String>) {
        for (reason, lines) in counted.filter(|(_, lines)| *lines > 0) {
            if self.first.is_none() {
                self.first = Some(first.clone().unwrap_or_else(|| reason.to_string()));
            }
            self.count(reason, lines, 0);
        }
    }

    fn count(&mut self, reason: Reason, lines: u64, bytes: u64) {
        match self.counts.iter_mut().find(|c| c.reason == reason) {
            Some(count) => {
                count.lines += lines;
                count.bytes += bytes;
            }
            None => self.counts.push(Refused { reason, lines, bytes }),
        }
    }

    /// Takes over the refusals of a later step.
    pub fn merge(&mut self, later: Refusals) {
        for refused in later.counts {
            self.count(refused.reason, refused.lines, refused.bytes);
        }
        self.first = self.first.take().or(later.first);
    }

    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    pub fn lines(&self) -> u64 {
        self.counts.iter().map(|c| c.lines).sum()
    }

    pub fn by_reason(&self) -> &[Refused] {
        &self.counts
    }

    /// Reason, message and stream of the first refused line.
    pub fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }

    /// One sentence for the client: how many of how many, and the first as an example.
    pub fn summary(&self, accepted: u64) -> String {
        self.summary_of("lines", accepted)
    }

    /// As [`Refusals::summary`], for something else than lines.
    pub(crate) fn summary_of(&self, what: &str, accepted: u64) -> String {
        let refused = self.lines();
        let first = self.first().unwrap_or("");
        format!("{refused} of {} {what} were refused, {accepted} were stored; the first: {first}", refused + accepted)
    }
}

/// Labels for an answer, cut when they are long.
pub(crate) fn shown(labels: &LabelSet) -> String {
    cut(labels.to_string(), SHOWN_LABELS)
}

/// The first `max` bytes, cut at a character boundary.
pub(crate) fn cut(mut text: String, max: usize) -> String {
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max));
        text.push_str("...");
    }
    text
}
