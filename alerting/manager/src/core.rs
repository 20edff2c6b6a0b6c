//! What an Alertmanager knows for one tenant, and what follows from it as time goes by.
//!
//! Pure and synchronous: time is passed in, nothing is sent or stored here. [`Core::put`] takes alerts, [`Core::due`] says what is
//! to be sent now, [`Core::done`] hears how that went. Semantics are those of prometheus/alertmanager's `dispatch` and `notify`.

mod clock;
mod query;
mod rehearse;
#[cfg(test)]
mod tests;

pub use query::{Filter, ShownAlert, ShownGroup};

use crate::alert::{Alert, Fingerprint};
use crate::config::Config;
use crate::dispatch::{Group, GroupId};
use crate::inhibit::{InhibitRule, Inhibitor};
use crate::nflog::{Entry, Situation, is_news};
use crate::receive::Integration;
use crate::route::Route;
use crate::silence::{Silence, SilenceError, SilenceState};
use gantry_model::{LabelSet, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;
/// How long a notification may be tried at least.
const LEAST_TIMEOUT: i64 = 10 * SECOND;
/// How long a resolved alert is kept, so that a late report of it is merged with it.
const RESOLVED_KEPT: i64 = 30 * 60 * SECOND;
/// How long an expired silence is kept.
const SILENCE_KEPT: i64 = 120 * 3600 * SECOND;

/// Names what a receiver was told last: group key, receiver, integration.
pub type LogKey = (String, String, String);

/// Alerts of a group for one integration of a receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    pub group: GroupId,
    pub group_key: String,
    pub receiver: String,
    /// Of the receiver's, the one with this name.
    pub integration: String,
    /// Those to be told, in Alertmanager's order; resolved ones have their end.
    pub alerts: Vec<Arc<Alert>>,
    /// When it was made: whether an alert is resolved is as of then.
    pub at: Timestamp,
    /// Until when it may be tried.
    pub deadline: Timestamp,
    situation: Situation,
    repeat: i64,
}

impl Notification {
    pub fn log_key(&self) -> LogKey {
        (self.group_key.clone(), self.receiver.clone(), self.integration.clone())
    }
}

/// What changed and has to be kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forgotten {
    pub alerts: Vec<Fingerprint>,
    pub silences: Vec<String>,
    pub log: Vec<LogKey>,
}

/// One tenant's state.
#[derive(Debug)]
pub struct Core {
    tree: Route,
    rules: Vec<InhibitRule>,
    integrations: BTreeMap<String, Vec<Integration>>,
    alerts: BTreeMap<Fingerprint, Arc<Alert>>,
    silences: BTreeMap<String, Silence>,
    log: BTreeMap<LogKey, Entry>,
    groups: BTreeMap<GroupId, Group>,
}

impl Core {
    pub fn new(config: &Config) -> Self {
        let integrations =
            config.receivers.iter().map(|receiver| (receiver.name.clone(), receiver.integrations())).collect();
        Core {
            tree: Route::tree(config),
            // They were checked when the configuration was read.
            rules: config.inhibit_rules.iter().filter_map(|rule| InhibitRule::new(rule).ok()).collect(),
            integrations,
            alerts: BTreeMap::new(),
            silences: BTreeMap::new(),
            log: BTreeMap::new(),
            groups: BTreeMap::new(),
        }
    }

    /// The same state under another configuration: all alerts are routed anew.
    pub fn reconfigured(self, config: &Config, now: Timestamp) -> Self {
        let mut core = Core { silences: self.silences, log: self.log, ..Core::new(config) };
        for alert in self.alerts.into_values() {
            core.restore_alert((*alert).clone());
        }
        core.begin(config.global.resolve_timeout, now);
        core
    }

    /// What was kept of an alert. After all that was kept comes [`Core::begin`].
    pub fn restore_alert(&mut self, alert: Alert) {
        self.alerts.insert(alert.fingerprint(), Arc::new(alert));
    }

    pub fn restore_silence(&mut self, silence: Silence) {
        self.silences.insert(silence.id.clone(), silence);
    }

    pub fn restore_log(&mut self, key: LogKey, entry: Entry) {
        self.log.insert(key, entry);
    }

    /// Takes a report; returns the alert as it is now.
    pub fn put(&mut self, alert: Alert, now: Timestamp) -> Arc<Alert> {
        let print = alert.fingerprint();
        let alert = match self.alerts.get(&print) {
            Some(old) if alert.overlaps(old) => (**old).clone().merge(alert, now),
            _ => alert,
        };
        let alert = Arc::new(alert);
        self.alerts.insert(print, alert.clone());
        self.route(&alert, now);
        alert
    }

    /// How many alerts there would be with these.
    pub fn with_more(&self, alerts: &[Alert]) -> usize {
        let new = alerts.iter().map(Alert::fingerprint).filter(|print| !self.alerts.contains_key(print));
        self.alerts.len() + new.collect::<BTreeSet<_>>().len()
    }

    fn route(&mut self, alert: &Arc<Alert>, now: Timestamp) {
        let print = alert.fingerprint();
        for route in self.tree.taking(&alert.labels) {
            let id = GroupId { route: route.index, labels: route.group_labels(&alert.labels) };
            let group = self.groups.entry(id).or_insert_with(|| Group::new(now.saturating_add(route.group_wait)));
            group.insert(print, alert.starts.saturating_add(route.group_wait), now);
        }
    }

    /// When something is due next.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.groups.values().filter_map(Group::next_due).min()
    }

    /// What is to be sent now.
    pub fn due(&mut self, now: Timestamp) -> Vec<Notification> {
        let due = |group: &Group| group.next_due().is_some_and(|at| at <= now);
        let ids: Vec<GroupId> = self.groups.iter().filter(|(_, group)| due(group)).map(|(id, _)| id.clone()).collect();
        if ids.is_empty() {
            return Vec::new();
        }
        let inhibitor = Inhibitor::new(&self.rules, self.alerts.iter().map(|(print, alert)| (print, &**alert)), now);
        let active: Vec<&Silence> =
            self.silences.values().filter(|one| one.state(now) == SilenceState::Active).collect();
        let hidden = |labels: &LabelSet| {
            active.iter().any(|silence| silence.silences(labels, now)) || inhibitor.hidden_by(labels).is_some()
        };
        let mut all = Vec::new();
        for id in ids {
            let (Some(route), Some(group)) = (self.tree.at(id.route), self.groups.get_mut(&id)) else { continue };
            let mut alerts = group.begin(&self.alerts, now.saturating_add(route.group_interval));
            alerts.retain(|alert| !hidden(&alert.labels));
            let mut made = Vec::new();
            if !alerts.is_empty() && route.muted_by(now).is_none() {
                let integrations = self.integrations.get(&route.receiver).map_or(&[][..], Vec::as_slice);
                made = notifications(&id, route, integrations, &alerts, &self.log, now);
            }
            group.sending(made.len(), &self.alerts, now);
            all.extend(made);
        }
        all
    }

    /// Hears how sending went; returns what to keep when it went well.
    pub fn done(&mut self, sent: &Notification, well: bool, now: Timestamp) -> Option<(LogKey, Entry)> {
        if let Some(group) = self.groups.get_mut(&sent.group) {
            group.sent(well, &self.alerts);
        }
        if !well {
            return None;
        }
        let Situation { firing, resolved } = sent.situation.clone();
        let expires = now.saturating_add(sent.repeat.saturating_mul(2)).nanos();
        let entry = Entry { at: now.nanos(), firing, resolved, expires };
        self.log.insert(sent.log_key(), entry.clone());
        Some((sent.log_key(), entry))
    }

    /// Forgets what is over for long.
    pub fn maintain(&mut self, now: Timestamp) -> Forgotten {
        self.groups.retain(|_, group| !group.is_over());
        let old_alert = |alert: &Alert| alert.is_resolved(now.saturating_sub(RESOLVED_KEPT));
        let in_group = |print: &Fingerprint| self.groups.values().any(|group| group.has(print));
        let alerts: Vec<Fingerprint> =
            self.alerts.iter().filter(|(_, alert)| old_alert(alert)).map(|(print, _)| *print).collect();
        let alerts: Vec<Fingerprint> = alerts.into_iter().filter(|print| !in_group(print)).collect();
        let old_silence = |one: &Silence| one.ends.saturating_add(SILENCE_KEPT) <= now;
        let silences: Vec<String> =
            self.silences.values().filter(|one| old_silence(one)).map(|one| one.id.clone()).collect();
        let log: Vec<LogKey> =
            self.log.iter().filter(|(_, entry)| entry.expires <= now.nanos()).map(|(key, _)| key.clone()).collect();
        alerts.iter().for_each(|print| _ = self.alerts.remove(print));
        silences.iter().for_each(|id| _ = self.silences.remove(id));
        log.iter().for_each(|key| _ = self.log.remove(key));
        Forgotten { alerts, silences, log }
    }

    /// Takes a silence; `fresh` is the id of a new one. Returns what changed: the silence, and the one that it replaces.
    ///
    /// # Errors
    /// When it names one that is not there.
    pub fn silence(&mut self, mut new: Silence, fresh: String, now: Timestamp) -> Result<Vec<Silence>, SilenceError> {
        let mut changed = Vec::new();
        match self.silences.get_mut(&new.id) {
            None if !new.id.is_empty() => return Err(SilenceError::NotFound(new.id)),
            Some(old) if old.can_become(&new, now) => {
                if old.state(now) == SilenceState::Active {
                    new.starts = old.starts;
                }
            }
            old => {
                if let Some(old) = old
                    && old.state(now) != SilenceState::Expired
                {
                    expire(old, now);
                    changed.push(old.clone());
                }
                new.id = fresh;
                // One cannot silence the past.
                new.starts = new.starts.max(now);
            }
        }
        self.silences.insert(new.id.clone(), new.clone());
        changed.insert(0, new);
        Ok(changed)
    }

    /// Ends a silence; one that is over stays as it is.
    ///
    /// # Errors
    /// When it is not there.
    pub fn expire(&mut self, id: &str, now: Timestamp) -> Result<Silence, SilenceError> {
        let Some(silence) = self.silences.get_mut(id) else { return Err(SilenceError::NotFound(id.to_owned())) };
        if silence.state(now) != SilenceState::Expired {
            expire(silence, now);
        }
        Ok(silence.clone())
    }
}

fn expire(silence: &mut Silence, now: Timestamp) {
    silence.starts = silence.starts.min(now);
    silence.ends = now;
    silence.updated = now;
}

/// One for each integration that has something to hear.
fn notifications(
    id: &GroupId,
    route: &Route,
    integrations: &[Integration],
    alerts: &[Arc<Alert>],
    log: &BTreeMap<LogKey, Entry>,
    now: Timestamp,
) -> Vec<Notification> {
    let mut situation = Situation::default();
    for alert in alerts {
        let set = if alert.is_resolved(now) { &mut situation.resolved } else { &mut situation.firing };
        set.insert(alert.fingerprint());
    }
    let group_key = format!("{}:{}", route.key, id.labels);
    let deadline = now.saturating_add(route.group_interval.max(LEAST_TIMEOUT));
    let made = integrations.iter().filter_map(|integration| {
        let key = (group_key.clone(), route.receiver.clone(), integration.name.clone());
        if !is_news(log.get(&key), &situation, integration.send_resolved, route.repeat_interval, now) {
            return None;
        }
        let told = |alert: &&Arc<Alert>| integration.send_resolved || !alert.is_resolved(now);
        Some(Notification {
            group: id.clone(),
            group_key: group_key.clone(),
            receiver: route.receiver.clone(),
            integration: integration.name.clone(),
            alerts: alerts.iter().filter(told).cloned().collect(),
            at: now,
            deadline,
            situation: situation.clone(),
            repeat: route.repeat_interval,
        })
    });
    made.collect()
}
