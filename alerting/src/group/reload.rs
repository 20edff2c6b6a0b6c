//! What a group takes over from the one that it replaces, and what ends with a group that goes.

use super::{Group, Kind, Member, RuleError, ends};
use crate::seam::Evaluate;
use gantry_model::LabelSet;
use std::collections::BTreeSet;

impl Group {
    /// Takes over the alerts and series of rules with the same name and labels, when rules are read again.
    /// Series of rules that are gone end with the next evaluation.
    pub fn adopt(&mut self, mut old: Group) {
        for member in &mut self.rules {
            if let Some(at) = old.rules.iter().position(|other| other.is(member)) {
                member.take_over(old.rules.remove(at));
            }
        }
        self.orphans.append(&mut old.orphans);
        self.orphans.extend(old.rules.into_iter().flat_map(|member| member.written));
    }

    /// Ends all series of a group that is not evaluated any more; says how many.
    ///
    /// # Errors
    /// When this could not be stored; it can be tried again.
    pub fn end(&self, at_ms: i64, evaluate: &mut dyn Evaluate) -> Result<usize, RuleError> {
        let written = self.rules.iter().flat_map(|member| &member.written);
        let all: BTreeSet<&LabelSet> = written.chain(&self.orphans).collect();
        let points = ends(all.iter().copied(), at_ms);
        if !points.is_empty() {
            evaluate.append(points).map_err(RuleError::Append)?;
        }
        Ok(all.len())
    }

    /// Ends series of rules that are gone, unless a rule that is there writes them. What could not be stored is tried next time.
    pub(super) fn end_orphans(&mut self, at_ms: i64, evaluate: &mut dyn Evaluate) {
        for member in &self.rules {
            self.orphans.retain(|labels| !member.written.contains(labels));
        }
        if !self.orphans.is_empty() && evaluate.append(ends(&self.orphans, at_ms)).is_ok() {
            self.orphans.clear();
        }
    }
}

impl Member {
    fn is(&self, other: &Member) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Alerting(a), Kind::Alerting(b)) => a.name == b.name && a.labels == b.labels,
            (Kind::Recording(a), Kind::Recording(b)) => a.name == b.name && a.labels == b.labels,
            _ => false,
        }
    }

    fn take_over(&mut self, old: Member) {
        self.written = old.written;
        if let (Kind::Alerting(new), Kind::Alerting(old)) = (&mut self.kind, old.kind) {
            new.active = old.active;
            new.awaits_restore = old.awaits_restore;
        }
    }
}
