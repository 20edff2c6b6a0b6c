//! The notification log: what each receiver was last told of a group, so that it is told again only when something changed or
//! enough time has passed.

use crate::alert::Fingerprint;
use gantry_model::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What was told last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Nanoseconds since 1970.
    pub at: i64,
    pub firing: BTreeSet<Fingerprint>,
    pub resolved: BTreeSet<Fingerprint>,
    /// When it can be forgotten, nanoseconds since 1970.
    pub expires: i64,
}

/// What there is to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Situation {
    pub firing: BTreeSet<Fingerprint>,
    pub resolved: BTreeSet<Fingerprint>,
}

/// Whether a receiver is to be told of the situation, as Alertmanager's deduplication decides.
pub fn is_news(last: Option<&Entry>, now: &Situation, send_resolved: bool, repeat: i64, at: Timestamp) -> bool {
    // Whom nobody told of anything does not care that it is over.
    let Some(last) = last else { return !now.firing.is_empty() };
    if !now.firing.is_subset(&last.firing) {
        return true;
    }
    // Told to all, even to those that do not hear of single resolved alerts: the log has to know.
    if now.firing.is_empty() {
        return !last.firing.is_empty();
    }
    if send_resolved && !now.resolved.is_subset(&last.resolved) {
        return true;
    }
    last.at < at.saturating_sub(repeat).nanos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(of: &[u64]) -> BTreeSet<Fingerprint> {
        of.iter().copied().map(Fingerprint).collect()
    }

    #[test]
    fn receivers_hear_of_what_changed_and_of_what_lasts() {
        let last = |firing, resolved, at| Some(Entry { at, firing: set(firing), resolved: set(resolved), expires: 0 });
        let cases = [
            ("nothing was told and something fires", None, (&[1][..], &[][..]), true, true),
            ("nothing was told and all is over", None, (&[], &[1]), true, false),
            ("the same", last(&[1], &[], 95), (&[1], &[]), true, false),
            ("one more fires", last(&[1], &[], 95), (&[1, 2], &[]), true, true),
            ("one less fires", last(&[1, 2], &[], 95), (&[1], &[]), true, false),
            ("one is resolved", last(&[1, 2], &[], 95), (&[1], &[2]), true, true),
            ("one is resolved, unheard", last(&[1, 2], &[], 95), (&[1], &[2]), false, false),
            ("all are resolved", last(&[1], &[], 95), (&[], &[1]), false, true),
            ("all were resolved before", last(&[], &[1], 95), (&[], &[1]), true, false),
            ("it is time to repeat", last(&[1], &[], 89), (&[1], &[]), true, true),
        ];
        for (name, last, (firing, resolved), send_resolved, wanted) in cases {
            let now = Situation { firing: set(firing), resolved: set(resolved) };
            assert_eq!(is_news(last.as_ref(), &now, send_resolved, 10, Timestamp::from_nanos(100)), wanted, "{name}");
        }
    }
}
