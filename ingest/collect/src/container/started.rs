//! [`Started`]: since when something runs in a group.

use super::group::Group;
use crate::process::start_ticks;
use crate::roots::{Roots, text};
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// How many processes of a group are asked: the oldest mostly come first.
const ASKED: usize = 16;

/// The start of the oldest process that each group has had, in seconds since 1970. Times of directories are no help: the
/// kernel makes them up when somebody looks.
#[derive(Debug, Default)]
pub(super) struct Started(Mutex<BTreeMap<String, f64>>);

impl Started {
    pub fn refresh(&self, roots: &Roots, groups: &[Group]) {
        let stat = text(&roots.proc("stat")).unwrap_or_default();
        let boot = stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<f64>().ok());
        let Some(boot) = boot else { return };
        let mut known = self.0.lock();
        let mut now = BTreeMap::new();
        for group in groups {
            let ticks = group.pids().iter().take(ASKED).filter_map(|pid| start_ticks(roots, *pid)).min();
            let oldest = ticks.map(|ticks| boot + ticks as f64 / roots.ticks_per_second());
            let start = match (known.get(&group.id).copied(), oldest) {
                (Some(before), Some(oldest)) => Some(before.min(oldest)),
                (before, oldest) => before.or(oldest),
            };
            now.extend(start.map(|start| (group.id.clone(), start)));
        }
        *known = now;
    }

    pub fn of(&self, id: &str) -> Option<f64> {
        self.0.lock().get(id).copied()
    }
}
