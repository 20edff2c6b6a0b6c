//! The journal export format: entries as fields, text or binary, with an empty line after each.
//!
//! Source: systemd.io, "Journal Export Formats". `NAME=value\n`, or `NAME\n`, 64 bits of length little endian, the bytes,
//! `\n`. What `systemd-journal-upload` and `journalctl -o export` write.

use super::grouped::{Grouped, Pairs};
use super::{DecodeError, readable};
use crate::error::Refusals;
use crate::incoming::Incoming;
use crate::options::IngestOptions;
use crate::reason::Reason;
use gantry_model::{LabelSet, Timestamp};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How journal entries become lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JournalOptions {
    /// Stream labels: for each the fields to take it from, the first that is there. Default `host` from `_HOSTNAME`, `unit`
    /// from `_SYSTEMD_UNIT` or `_SYSTEMD_USER_UNIT`, `app` from `SYSLOG_IDENTIFIER` or `_COMM`. The others become structured
    /// metadata, in lower case, `PRIORITY` as `level`.
    pub labels: BTreeMap<String, Vec<String>>,
}

const LABELS: [(&str, &[&str]); 3] = [
    ("host", &["_HOSTNAME"]),
    ("unit", &["_SYSTEMD_UNIT", "_SYSTEMD_USER_UNIT"]),
    ("app", &["SYSLOG_IDENTIFIER", "_COMM"]),
];
/// Cursors and clocks of the journal itself, of no use to a reader of logs.
const LEFT_OUT: [&str; 5] =
    ["__CURSOR", "__MONOTONIC_TIMESTAMP", "__SEQNUM", "__SEQNUM_ID", "_SOURCE_MONOTONIC_TIMESTAMP"];
/// syslog's names by number (RFC 5424, section 6.2.1), as the syslog receiver has them.
const LEVELS: [&str; 8] = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];

impl Default for JournalOptions {
    fn default() -> Self {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        JournalOptions { labels: LABELS.iter().map(|(label, fields)| ((*label).to_owned(), own(fields))).collect() }
    }
}

impl JournalOptions {
    pub(crate) fn problems(&self) -> Vec<String> {
        let bad = self.labels.keys().filter(|name| !crate::validate::is_label_name(name));
        bad.map(|name| format!("journal.labels: {name:?} is no label name; use letters, digits and _")).collect()
    }
}

type Entry<'a> = Vec<(&'a str, &'a [u8])>;

/// Reads entries. One without a message is left out: the journal has such, and they say nothing.
///
/// # Errors
/// `invalid_journal` with the position in bytes when the format is broken; nothing of the body is taken then, since where
/// the next entry begins is unknown.
pub fn journal(body: &[u8], options: &IngestOptions, now: Timestamp) -> Result<Incoming, DecodeError> {
    journal_piece(body, true, options, now).map(|piece| piece.incoming)
}

/// The whole entries at the front of a body that is still arriving.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalPiece {
    pub incoming: Incoming,
    /// How much of the front was read; the rest belongs to an entry that is not complete.
    pub bytes: usize,
}

/// As [`journal`], for a part; `last` says that nothing follows.
///
/// # Errors
/// As [`journal`]; the position counts from the front of this part.
pub fn journal_piece(
    body: &[u8],
    last: bool,
    options: &IngestOptions,
    now: Timestamp,
) -> Result<JournalPiece, DecodeError> {
    let mut reader = Reader { body, at: 0 };
    let mut lines = Grouped::default();
    let (mut refused, mut invalid_utf8, mut bytes) = (Refusals::default(), 0, 0);
    loop {
        match reader.entry(last) {
            Ok(Some(entry)) => push(entry, options, now, &mut lines, &mut refused, &mut invalid_utf8),
            Ok(None) | Err(Stop::Incomplete(_)) if !last => break,
            Ok(None) => {
                bytes = body.len();
                break;
            }
            Err(Stop::Incomplete(error) | Stop::Broken(error)) => return Err(error),
        }
        bytes = reader.at;
    }
    Ok(JournalPiece { incoming: Incoming { batch: lines.finish()?, refused, invalid_utf8 }, bytes })
}

/// Why no entry could be read.
enum Stop {
    /// It would be one if more followed.
    Incomplete(DecodeError),
    Broken(DecodeError),
}

struct Reader<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// The next entry; `None` when there is none any more.
    fn entry(&mut self, last: bool) -> Result<Option<Entry<'a>>, Stop> {
        let mut entry = Entry::new();
        loop {
            let rest = &self.body[self.at..];
            if rest.is_empty() {
                return Ok((last && !entry.is_empty()).then_some(entry));
            }
            let end = memchr::memchr(b'\n', rest);
            let end = end.ok_or_else(|| self.incomplete("a field without an end of line"))?;
            let line = &rest[..end];
            if line.is_empty() {
                self.at += 1;
                if entry.is_empty() {
                    continue;
                }
                return Ok(Some(entry));
            }
            let field = match memchr::memchr(b'=', line) {
                Some(equals) => {
                    let field = (self.name(&line[..equals])?, &line[equals + 1..]);
                    self.at += end + 1;
                    field
                }
                None => self.binary(line, end + 1)?,
            };
            entry.push(field);
        }
    }

    /// A field whose name stands alone on its line: length and bytes follow.
    fn binary(&mut self, name: &'a [u8], skip: usize) -> Result<(&'a str, &'a [u8]), Stop> {
        let name = self.name(name)?;
        let Some((size, rest)) = self.body[self.at + skip..].split_first_chunk::<8>() else {
            return Err(self.incomplete("a binary field without its length of 8 bytes"));
        };
        let size = usize::try_from(u64::from_le_bytes(*size)).unwrap_or(usize::MAX);
        if size >= rest.len() {
            return Err(self.incomplete("a binary field that is shorter than its length says"));
        }
        if rest[size] != b'\n' {
            return Err(self.broken("a binary field whose length is not that of its value"));
        }
        self.at += skip + 8 + size + 1;
        Ok((name, &rest[..size]))
    }

    fn name(&self, name: &'a [u8]) -> Result<&'a str, Stop> {
        let legal = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        let text = std::str::from_utf8(name).ok();
        let name = text.filter(|name| (1..=64).contains(&name.len()) && name.bytes().all(legal));
        name.ok_or_else(|| self.broken("a field name, 1 to 64 of A-Z, 0-9 and _, was expected"))
    }

    fn incomplete(&self, what: &str) -> Stop {
        Stop::Incomplete(self.error(what))
    }

    fn broken(&self, what: &str) -> Stop {
        Stop::Broken(self.error(what))
    }

    fn error(&self, what: &str) -> DecodeError {
        DecodeError { reason: Reason::InvalidJournal, message: format!("{what} (at byte {})", self.at) }
    }
}

fn push<'a>(
    entry: Entry<'a>,
    options: &IngestOptions,
    now: Timestamp,
    lines: &mut Grouped<'a>,
    refused: &mut Refusals,
    invalid_utf8: &mut u64,
) {
    let find = |name: &str| entry.iter().find(|(field, _)| *field == name).map(|(_, value)| *value);
    let Some(message) = find("MESSAGE") else { return };
    let Some(at) = time(find("_SOURCE_REALTIME_TIMESTAMP").or(find("__REALTIME_TIMESTAMP")), now) else {
        let bytes = message.len() as u64;
        refused
            .add(Reason::InvalidTimestamp, 1, bytes, || "__REALTIME_TIMESTAMP is no number of microseconds".to_owned());
        return;
    };
    let (mut used, mut pairs) = (vec!["MESSAGE", "__REALTIME_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP"], Vec::new());
    for (label, fields) in &options.journal.labels {
        let found = fields.iter().find_map(|name| entry.iter().find(|(field, _)| field == name));
        if let Some((name, value)) = found.filter(|(_, value)| !value.is_empty()) {
            used.push(name);
            pairs.push((label.as_str(), String::from_utf8_lossy(value)));
        }
    }
    if pairs.is_empty() {
        pairs.push(("source", Cow::Borrowed("journal")));
    }
    let labels = LabelSet::from_pairs(pairs);
    let rest = entry.iter().filter(|(name, _)| !used.contains(name) && !LEFT_OUT.contains(name));
    let metadata =
        rest.map(|(name, value)| metadata(name, value)).take(options.max_metadata_entries).collect::<Pairs<'_>>();
    lines.push(labels, at, readable(message, invalid_utf8), metadata);
}

/// Microseconds since 1970; `now` without a field.
fn time(field: Option<&[u8]>, now: Timestamp) -> Option<Timestamp> {
    let Some(field) = field else { return Some(now) };
    let micros: i64 = std::str::from_utf8(field).ok()?.parse().ok()?;
    micros.checked_mul(1000).map(Timestamp)
}

fn metadata<'a>(name: &str, value: &'a [u8]) -> (Cow<'a, str>, Cow<'a, str>) {
    let level = |text: &[u8]| match text {
        [digit @ b'0'..=b'7'] => Some(LEVELS[usize::from(digit - b'0')]),
        _ => None,
    };
    match (name, level(value)) {
        ("PRIORITY", Some(level)) => (Cow::Borrowed("level"), Cow::Borrowed(level)),
        _ => (Cow::Owned(name.trim_start_matches('_').to_ascii_lowercase()), String::from_utf8_lossy(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_secs(1000);

    fn binary(name: &str, value: &[u8]) -> Vec<u8> {
        let size = (value.len() as u64).to_le_bytes();
        [name.as_bytes(), b"\n", &size, value, b"\n"].concat()
    }

    fn sample() -> Vec<u8> {
        let mut body =
            b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1500000\n_HOSTNAME=h\nPRIORITY=3\n_SYSTEMD_UNIT=a.service\n_PID=7\n"
                .to_vec();
        body.extend(binary("MESSAGE", b"two\nlines=1"));
        body.extend(b"\nPRIORITY=6\n\n\n__REALTIME_TIMESTAMP=2000000\nMESSAGE=plain=text\n");
        body
    }

    #[test]
    fn text_and_binary_fields_become_lines_with_labels_and_metadata() {
        let incoming = journal(&sample(), &IngestOptions::default(), NOW).unwrap();
        let batch = incoming.batch;
        let shown: Vec<String> = batch
            .streams()
            .iter()
            .flat_map(|s| {
                batch
                    .rows_of(s)
                    .iter()
                    .map(|r| format!("{} {} {} {}", s.labels, r.timestamp.0, batch.body(r), batch.metadata(r)))
            })
            .collect();
        let expected = [
            "{host=\"h\", unit=\"a.service\"} 1500000000 two\nlines=1 {\"level\":\"error\",\"pid\":\"7\"}",
            "{source=\"journal\"} 2000000000 plain=text ",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_broken_format_is_refused_with_its_position() {
        let long = [b"MESSAGE\n".as_slice(), &u64::MAX.to_le_bytes(), b"x\n"].concat();
        for body in [b"no field\n".as_slice(), b"MESSAGE=x", b"MESSAGE\n\x01\n", &long, b"=x\n"] {
            let error = journal(body, &IngestOptions::default(), NOW).unwrap_err();
            assert_eq!(error.reason, Reason::InvalidJournal);
            assert!(error.message.ends_with("(at byte 0)"), "{error}");
        }
        let unreadable = journal(b"__REALTIME_TIMESTAMP=x\nMESSAGE=m\n\n", &IngestOptions::default(), NOW).unwrap();
        assert_eq!(unreadable.refused.lines(), 1);
    }

    proptest! {
        #[test]
        fn damaged_entries_never_panic(at in 0..sample().len(), byte: u8, end in 0..sample().len()) {
            let mut body = sample();
            body[at] = byte;
            let _ = journal(&body, &IngestOptions::default(), NOW);
            let _ = journal(&body[..end], &IngestOptions::default(), NOW);
        }
    }
}
