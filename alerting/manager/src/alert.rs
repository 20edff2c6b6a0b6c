//! An alert: what it says, when it fires, and how two reports of it become one.

use crate::when;
use gantry_model::{LabelSet, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Most labels and annotations of an alert, and most bytes of a name or value.
const MOST_LABELS: usize = 256;
const MOST_BYTES: usize = 1 << 16;

/// Names an alert: FNV-1a of its labels, as in prometheus/common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    pub fn of(labels: &LabelSet) -> Self {
        // FNV-1a, 64 bits: isthe.com/chongo/tech/comp/fnv.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        for (name, value) in labels.iter() {
            for part in [name, value] {
                part.bytes().for_each(&mut add);
                add(0xff);
            }
        }
        Fingerprint(hash)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// An alert as a client reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PostedAlert {
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    #[serde(with = "when::instant")]
    pub starts_at: Option<Timestamp>,
    #[serde(with = "when::instant")]
    pub ends_at: Option<Timestamp>,
    #[serde(rename = "generatorURL")]
    pub generator_url: String,
}

/// An alert as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    pub labels: LabelSet,
    pub annotations: BTreeMap<String, String>,
    pub starts: Timestamp,
    pub ends: Timestamp,
    pub updated: Timestamp,
    pub generator_url: String,
    /// The rule group of this process that reports it; empty: a client does.
    pub source: String,
    /// Its end is only the time when it counts as resolved unless it is reported again.
    pub timeout: bool,
}

/// What is wrong with a reported alert.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAlert {
    #[error("at least one label pair required")]
    NoLabels,
    #[error("start time must be before end time")]
    EndsBeforeStart,
    #[error("the name of a label is empty")]
    NoName,
    #[error("more than {MOST_LABELS} labels or annotations")]
    TooMany,
    #[error("a name or value has more than {MOST_BYTES} bytes")]
    TooLong,
}

impl PostedAlert {
    /// What it means at `now`. An alert that does not say when it ends does so `resolve_nanos` after it was last reported.
    ///
    /// # Errors
    /// When it is no alert.
    pub fn taken(self, now: Timestamp, resolve_nanos: i64) -> Result<Alert, InvalidAlert> {
        let starts = self.starts_at.or(self.ends_at).unwrap_or(now);
        let timeout = self.ends_at.is_none();
        let ends = self.ends_at.unwrap_or(now.saturating_add(resolve_nanos));
        let labels: Vec<(&String, &String)> = self.labels.iter().filter(|(_, value)| !value.is_empty()).collect();
        if labels.is_empty() {
            return Err(InvalidAlert::NoLabels);
        }
        if ends < starts {
            return Err(InvalidAlert::EndsBeforeStart);
        }
        let pairs = || self.labels.iter().chain(&self.annotations);
        if pairs().any(|(name, _)| name.is_empty()) {
            return Err(InvalidAlert::NoName);
        }
        if self.labels.len().max(self.annotations.len()) > MOST_LABELS {
            return Err(InvalidAlert::TooMany);
        }
        if pairs().any(|(name, value)| name.len().max(value.len()) > MOST_BYTES) {
            return Err(InvalidAlert::TooLong);
        }
        let labels = LabelSet::from_pairs(labels);
        let (annotations, generator_url) = (self.annotations, self.generator_url);
        let source = String::new();
        Ok(Alert { labels, annotations, starts, ends, updated: now, generator_url, source, timeout })
    }
}

impl Alert {
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.labels)
    }

    pub fn is_resolved(&self, now: Timestamp) -> bool {
        self.ends <= now
    }

    /// Whether two reports speak of one time.
    pub fn overlaps(&self, old: &Alert) -> bool {
        (self.ends > old.starts && self.ends < old.ends) || (self.starts > old.starts && self.starts < old.ends)
    }

    /// One alert of two reports: what the younger one says, from the earliest start on.
    pub fn merge(self, other: Alert, now: Timestamp) -> Alert {
        let (old, mut new) = if other.updated < self.updated { (other, self) } else { (self, other) };
        new.starts = new.starts.min(old.starts);
        let old_end_counts = if new.is_resolved(now) { old.is_resolved(now) } else { !old.timeout };
        if old.ends > new.ends && old_end_counts {
            new.ends = old.ends;
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn posted(starts: Option<i64>, ends: Option<i64>) -> PostedAlert {
        let labels = BTreeMap::from([("alertname".into(), "A".into()), ("empty".into(), String::new())]);
        PostedAlert { labels, starts_at: starts.map(at), ends_at: ends.map(at), ..PostedAlert::default() }
    }

    #[test]
    fn fingerprints_are_those_of_prometheus() {
        // As printed by prometheus/common for these labels.
        assert_eq!(Fingerprint::of(&LabelSet::default()).to_string(), "cbf29ce484222325");
    }

    #[test]
    fn instants_that_are_not_said_are_filled_in() {
        let taken = |starts, ends| {
            let alert = posted(starts, ends).taken(at(100), 300 * S).unwrap();
            (alert.starts, alert.ends, alert.timeout)
        };
        assert_eq!(taken(None, None), (at(100), at(400), true));
        assert_eq!(taken(Some(50), None), (at(50), at(400), true));
        assert_eq!(taken(None, Some(90)), (at(90), at(90), false));
        assert_eq!(taken(Some(50), Some(60)), (at(50), at(60), false));
        assert_eq!(posted(Some(60), Some(50)).taken(at(100), 1), Err(InvalidAlert::EndsBeforeStart));
        assert_eq!(PostedAlert::default().taken(at(100), 1), Err(InvalidAlert::NoLabels));
        assert_eq!(posted(None, None).taken(at(1), 1).unwrap().labels.len(), 1, "an empty label is none");
    }

    #[test]
    fn reports_are_merged_as_alertmanager_does() {
        let alert = |starts: i64, ends: i64, updated: i64, timeout| Alert {
            starts: at(starts),
            ends: at(ends),
            updated: at(updated),
            timeout,
            ..posted(None, None).taken(at(0), 0).unwrap()
        };
        let merged = |a: Alert, b: Alert| {
            let one = a.merge(b, at(100));
            (one.starts, one.ends)
        };
        assert_eq!(merged(alert(10, 200, 1, true), alert(20, 150, 2, true)), (at(10), at(150)), "timeouts yield");
        assert_eq!(merged(alert(10, 200, 1, false), alert(20, 150, 2, true)), (at(10), at(200)), "said ends do not");
        assert_eq!(merged(alert(10, 90, 1, false), alert(20, 80, 2, false)), (at(10), at(90)), "both are over");
        assert_eq!(merged(alert(10, 200, 1, false), alert(20, 80, 2, false)), (at(10), at(80)), "the end is told");
        assert_eq!(merged(alert(20, 150, 2, true), alert(10, 200, 1, true)), (at(10), at(150)), "in any order");
    }
}
