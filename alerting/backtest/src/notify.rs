//! What people would have been sent by an Alertmanager whose only route groups alerts by their group of rules, with the
//! waiting times that an Alertmanager has unless it is told otherwise.

use crate::report::{Episode, Notification};
use gantry_model::LabelSet;
use std::collections::{BTreeMap, BTreeSet};

/// How long a new group of alerts waits for more.
const GROUP_WAIT_MS: i64 = 30_000;
/// How long after that changes are told.
const GROUP_INTERVAL_MS: i64 = 5 * 60_000;
/// How long after a notification it is told again while nothing changes.
const REPEAT_INTERVAL_MS: i64 = 4 * 3600 * 1000;

/// In order of time. `episodes` are in order of their beginnings.
pub(crate) fn simulate(episodes: &[Episode], end_ms: i64) -> Vec<Notification> {
    let mut groups: BTreeMap<&str, Vec<&Episode>> = BTreeMap::new();
    for episode in episodes {
        groups.entry(&episode.group).or_default().push(episode);
    }
    let mut sent: Vec<Notification> =
        groups.into_iter().flat_map(|(group, episodes)| of_group(group, &episodes, end_ms)).collect();
    sent.sort_by(|a, b| (a.at_ms, &a.group).cmp(&(b.at_ms, &b.group)));
    sent
}

fn of_group(group: &str, episodes: &[&Episode], end_ms: i64) -> Vec<Notification> {
    let mut sent = Vec::new();
    // The last episode of each alert that the group holds; what was told, and when.
    let mut live: BTreeMap<&LabelSet, &Episode> = BTreeMap::new();
    let mut told: BTreeSet<&LabelSet> = BTreeSet::new();
    let (mut next, mut at_ms, mut told_ms) = (0, 0, i64::MIN);
    loop {
        if live.is_empty() {
            // Nothing is known of the group any more: the next alert makes a new one.
            let Some(first) = episodes.get(next) else { return sent };
            told.clear();
            at_ms = first.fired_ms.saturating_add(GROUP_WAIT_MS);
        }
        if at_ms > end_ms {
            return sent;
        }
        while let Some(episode) = episodes.get(next).filter(|episode| episode.fired_ms <= at_ms) {
            live.insert(&episode.labels, episode);
            next += 1;
        }
        live.retain(|_, episode| episode.resolved_ms.is_none_or(|resolved| resolved > at_ms));
        let resolved = told.iter().filter(|labels| !live.contains_key(*labels)).count() as u64;
        let is_new = live.keys().any(|labels| !told.contains(labels));
        let is_due = !live.is_empty() && at_ms.saturating_sub(told_ms) >= REPEAT_INTERVAL_MS;
        if is_new || resolved > 0 || is_due {
            sent.push(Notification { at_ms, group: group.to_owned(), firing: live.len() as u64, resolved });
            told = live.keys().copied().collect();
            told_ms = at_ms;
        }
        at_ms = at_ms.saturating_add(GROUP_INTERVAL_MS);
    }
}
