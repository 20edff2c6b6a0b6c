//! Screens a batch: labels once per stream, lines by length and time. A batch without faults passes untouched.

use crate::error::{Refusals, shown};
use crate::options::IngestOptions;
use crate::reason::Reason;
use gantry_model::{LabelSet, LogBatch, LogBatchBuilder, LogRow, Timestamp, metadata};
use std::time::Duration;

/// The limits at one moment.
#[derive(Debug)]
pub(crate) struct Rules<'a> {
    options: &'a IngestOptions,
    oldest: Timestamp,
    newest: Timestamp,
}

/// The good lines, and what was wrong with the others.
#[derive(Debug, Default)]
pub(crate) struct Screened {
    pub batch: LogBatch,
    pub refused: Refusals,
    pub truncated_lines: u64,
    pub truncated_bytes: u64,
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

impl<'a> Rules<'a> {
    pub fn at(options: &'a IngestOptions, now: Timestamp) -> Self {
        let oldest = options.max_age.map_or(Timestamp::MIN, |age| now.saturating_sub(nanos(age)));
        Rules { options, oldest, newest: now.saturating_add(nanos(options.max_ahead)) }
    }

    /// Whether this line would be stored, for protocols that answer for each. The metadata are known to fit.
    pub fn check_line(&self, labels: &LabelSet, at: Timestamp, body: &str) -> Result<(), (Reason, String)> {
        self.check_labels(labels)?;
        let body_len = u32::try_from(body.len()).unwrap_or(u32::MAX);
        self.check_row(&LogRow { timestamp: at, start: 0, body_len, metadata_len: 0 }, 0)
    }

    pub fn screen(&self, batch: LogBatch) -> Screened {
        let good_labels = batch.streams().iter().all(|s| self.check_labels(&s.labels).is_ok());
        if good_labels && batch.rows().iter().all(|row| self.is_good(&batch, row)) {
            return Screened { batch, ..Screened::default() };
        }
        self.sift(&batch)
    }

    /// Metadata of few bytes cannot have too many entries, since each takes at least 6: most are not looked at.
    fn is_good(&self, batch: &LogBatch, row: &LogRow) -> bool {
        let options = self.options;
        let few = |row| metadata::iter(batch.metadata(row)).count() <= options.max_metadata_entries;
        row.body_len as usize <= options.max_line_bytes
            && self.oldest <= row.timestamp
            && row.timestamp <= self.newest
            && row.metadata_len as usize <= options.max_metadata_bytes
            && (row.metadata_len as usize <= 6 * options.max_metadata_entries || few(row))
    }

    /// The slow way: copies the good lines.
    fn sift(&self, batch: &LogBatch) -> Screened {
        let mut screened = Screened::default();
        let mut good = LogBatchBuilder::with_capacity(batch.text_bytes(), batch.line_count());
        for stream in batch.streams() {
            let rows = batch.rows_of(stream);
            if let Err((reason, message)) = self.check_labels(&stream.labels) {
                let bytes = rows.iter().map(size).sum();
                let describe = || format!("{message}; stream {}", shown(&stream.labels));
                screened.refused.add(reason, rows.len() as u64, bytes, describe);
                continue;
            }
            good.stream(stream.labels.clone());
            for row in rows {
                self.sift_row(batch, &stream.labels, row, &mut good, &mut screened);
            }
        }
        screened.batch = good.finish();
        screened
    }

    fn sift_row(
        &self,
        batch: &LogBatch,
        labels: &LabelSet,
        row: &LogRow,
        good: &mut LogBatchBuilder,
        screened: &mut Screened,
    ) {
        let pairs: Vec<_> = metadata::iter(batch.metadata(row)).collect();
        if let Err((reason, message)) = self.check_row(row, pairs.len()) {
            screened.refused.add(reason, 1, size(row), || format!("{message}; stream {}", shown(labels)));
            return;
        }
        let mut body = batch.body(row);
        if body.len() > self.options.max_line_bytes {
            let kept = body.floor_char_boundary(self.options.max_line_bytes);
            screened.truncated_lines += 1;
            screened.truncated_bytes += (body.len() - kept) as u64;
            body = &body[..kept];
        }
        let pairs = pairs.iter().map(|(n, v)| (&**n, &**v));
        good.push(row.timestamp, body, pairs).expect("part of a batch is not larger than the batch");
    }

    fn check_row(&self, row: &LogRow, metadata_entries: usize) -> Result<(), (Reason, String)> {
        let options = self.options;
        if row.body_len as usize > options.max_line_bytes && !options.truncate_long_lines {
            let (is, max) = (row.body_len, options.max_line_bytes);
            return Err((Reason::LineTooLong, format!("the line has {is} bytes, at most {max} are accepted")));
        }
        if row.metadata_len as usize > options.max_metadata_bytes {
            let (is, max) = (row.metadata_len, options.max_metadata_bytes);
            let message = format!("the line has {is} bytes of structured metadata, at most {max} are accepted");
            return Err((Reason::MetadataTooLarge, message));
        }
        if metadata_entries > options.max_metadata_entries {
            let max = options.max_metadata_entries;
            let message = format!("{metadata_entries} structured metadata entries, at most {max} are accepted");
            return Err((Reason::TooManyMetadata, message));
        }
        self.check_time(row.timestamp)
    }

    fn check_time(&self, at: Timestamp) -> Result<(), (Reason, String)> {
        let (ns, oldest, newest) = (at.nanos(), self.oldest.nanos(), self.newest.nanos());
        if at < self.oldest {
            let message = format!(
                "timestamp {ns} is older than the oldest accepted now, {oldest} (ns since 1970): see ingest.max_age and the retention"
            );
            return Err((Reason::TooFarBehind, message));
        }
        if at > self.newest {
            let message = format!("timestamp {ns} is newer than the newest accepted now, {newest} (ns since 1970)");
            return Err((Reason::TooFarAhead, message));
        }
        Ok(())
    }

    fn check_labels(&self, labels: &LabelSet) -> Result<(), (Reason, String)> {
        let options = self.options;
        if labels.is_empty() {
            return Err((Reason::MissingLabels, "a stream needs at least one label".to_owned()));
        }
        if labels.len() > options.max_labels {
            let (is, max) = (labels.len(), options.max_labels);
            return Err((Reason::TooManyLabels, format!("{is} labels, at most {max} are accepted")));
        }
        for (name, value) in labels.iter() {
            if !is_label_name(name) {
                let name: String = name.chars().take(100).collect();
                let message = format!("label name {name:?} must match [a-zA-Z_][a-zA-Z0-9_]*");
                return Err((Reason::InvalidLabelName, message));
            }
            if name.len() > options.max_label_name_bytes {
                let (is, max) = (name.len(), options.max_label_name_bytes);
                return Err((Reason::LabelNameTooLong, format!("a label name has {is} bytes, at most {max}")));
            }
            if value.len() > options.max_label_value_bytes {
                let (is, max) = (value.len(), options.max_label_value_bytes);
                let name = &name[..name.len().min(100)];
                return Err((Reason::LabelValueTooLong, format!("label {name} has {is} bytes, at most {max}")));
            }
        }
        Ok(())
    }
}

fn size(row: &LogRow) -> u64 {
    u64::from(row.body_len) + u64::from(row.metadata_len)
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`, as Prometheus and Loki have it.
pub(crate) fn is_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
