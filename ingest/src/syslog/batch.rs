//! [`Batch`]: messages on their way to [`Ingest::submit`].

use super::entries::Entries;
use super::message::{Message, parse};
use super::options::{SyslogField, SyslogOptions};
use crate::decode::grouped::{Grouped, Pairs};
use crate::decode::readable;
use crate::incoming::Incoming;
use crate::ingest::Ingest;
use crate::reason::Reason;
use gantry_model::{LabelSet, Timestamp};
use std::borrow::Cow;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Messages that were read and not submitted yet.
#[derive(Debug, Default)]
pub(super) struct Batch {
    lines: Grouped<'static>,
    entries: Entries,
    invalid_utf8: u64,
    /// When the first line was complete.
    since: Option<Instant>,
}

impl Batch {
    pub fn new(options: &SyslogOptions) -> Self {
        Batch { entries: Entries::new(options.joining()), ..Batch::default() }
    }

    pub fn push(&mut self, frame: &[u8], now: Timestamp, options: &SyslogOptions) {
        let text = readable(frame, &mut self.invalid_utf8);
        let message = parse(&text, now, options.utc_offset_minutes);
        let at = message.timestamp.unwrap_or(now);
        let (labels, metadata) = (labels(&message, options), metadata(&message, options));
        self.entries.push(labels, at, message.text, metadata, &mut self.lines);
        self.mark();
    }

    fn mark(&mut self) {
        if self.lines.lines() > 0 {
            self.since.get_or_insert_with(Instant::now);
        }
    }

    /// No complete line is in it.
    pub fn is_empty(&self) -> bool {
        self.lines.lines() == 0
    }

    /// Takes out the lines that are complete: all but entries that may go on.
    pub fn split(&mut self, options: &SyslogOptions) -> Batch {
        if self.is_full(options) {
            self.entries.finish(&mut self.lines);
        } else {
            self.entries.settle(Instant::now(), &mut self.lines);
        }
        let (lines, invalid_utf8) = (std::mem::take(&mut self.lines), std::mem::take(&mut self.invalid_utf8));
        Batch { lines, invalid_utf8, since: self.since.take(), entries: Entries::default() }
    }

    /// Nothing more will come: every entry is complete.
    pub fn finish(&mut self) {
        self.entries.finish(&mut self.lines);
        self.mark();
    }

    /// Waits for another `batch_age`, since the batch could not be handed over.
    pub fn postpone(&mut self) {
        self.entries.settle(Instant::now(), &mut self.lines);
        self.since = (!self.is_empty()).then(Instant::now);
    }

    /// When what is complete is to be submitted however little it is; `None` while there is nothing at all.
    pub fn deadline(&self, options: &SyslogOptions) -> Option<Instant> {
        let lines = self.since.map(|since| since + options.batch_age);
        lines.into_iter().chain(self.entries.due()).min()
    }

    pub fn is_full(&self, options: &SyslogOptions) -> bool {
        // Headers count too: a flood of empty messages must not grow the batch without bound.
        self.lines.bytes() + 64 * self.lines.lines() + self.entries.bytes() >= options.batch_bytes
    }
}

fn labels(message: &Message<'_>, options: &SyslogOptions) -> LabelSet {
    let fixed = options.fixed_labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let own = options.labels.iter().filter_map(|field| Some((field.name(), message.field(*field)?)));
    LabelSet::from_pairs(fixed.chain(own))
}

fn metadata(message: &Message<'_>, options: &SyslogOptions) -> Pairs<'static> {
    let own = |text: &str| Cow::Owned(text.to_owned());
    let mut pairs = Pairs::new();
    for field in SyslogField::ALL.into_iter().filter(|field| !options.labels.contains(field)) {
        pairs.extend(message.field(field).map(|value| (Cow::Borrowed(field.name()), own(value))));
    }
    pairs.extend(message.process.map(|value| (Cow::Borrowed("procid"), own(value))));
    pairs.extend(message.message_id.map(|value| (Cow::Borrowed("msgid"), own(value))));
    pairs.extend(message.structured.iter().map(|(name, value)| (Cow::Owned(name.clone()), own(value))));
    pairs
}

/// Longest wait between two tries.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Submits until it is stored, or refused for good, or `cancel` came and one more try failed; counts what is lost then.
pub(super) async fn submit(
    batch: Batch,
    ingest: &Ingest,
    source: &'static str,
    options: &SyslogOptions,
    cancel: &CancellationToken,
) {
    let tenant = &options.tenant;
    let (lines, bytes) = (batch.lines.lines() as u64, batch.lines.bytes() as u64);
    let Ok(whole) = batch.lines.finish() else {
        ingest.count_dropped(tenant, source, Reason::BodyTooLarge, lines, bytes);
        return;
    };
    let mut incoming = Incoming { invalid_utf8: batch.invalid_utf8, ..Incoming::from(whole) };
    loop {
        let last = cancel.is_cancelled();
        let Err(error) = ingest.submit(tenant, source, incoming.clone()).await else { return };
        incoming.invalid_utf8 = 0;
        let Some(wait) = error.retry_after.filter(|_| !last) else {
            tracing::warn!(source, lines, %error, "syslog messages are lost");
            ingest.count_dropped(tenant, source, error.reason, lines, bytes);
            return;
        };
        tokio::select! {
            () = tokio::time::sleep(wait.min(MAX_WAIT)) => {}
            () = cancel.cancelled() => {}
        }
    }
}
