//! One group: evaluated at its instants until it is gone or the process stops. A change of its rules keeps its alerts.

use crate::metrics::RulerMetrics;
use crate::status::{GroupId, GroupStatus, RuleHealth, RuleStatus};
use crate::{Engines, Notify, RulerOptions, Told};
use gantry_alerting::{AlertState, Due, ForState, Group, Notice, Outcome, RuleGroup, Schedule};
use gantry_model::{Clock, LabelSet};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

/// Longest wait before the clock is looked at again: it may jump.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// What all groups share.
pub(crate) struct Shared {
    pub engines: Arc<dyn Engines>,
    pub notify: Arc<dyn Notify>,
    pub clock: Arc<dyn Clock>,
    pub metrics: RulerMetrics,
    pub options: RulerOptions,
    pub turns: Arc<Semaphore>,
}

/// `None`: the group is gone.
pub(crate) type Wanted = Option<Arc<RuleGroup>>;

/// A group with what it remembers.
pub(crate) struct Running {
    id: GroupId,
    shared: Arc<Shared>,
    wanted: watch::Receiver<Wanted>,
    status: Arc<RwLock<GroupStatus>>,
    spec: Arc<RuleGroup>,
    schedule: Schedule,
    group: Group,
    restored: bool,
    /// Whether alerts that ended while nobody looked were told as over.
    settled: bool,
    last_ms: i64,
}

/// What an evaluation yields, beside the changed group.
struct Evaluated {
    group: Group,
    rules: Vec<(Outcome, Duration)>,
    took: Duration,
    restored: bool,
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Shared {
    fn now_ms(&self) -> i64 {
        self.clock.now().nanos().div_euclid(1_000_000)
    }

    fn interval_ms(&self, group: &RuleGroup) -> i64 {
        group.interval_ms.filter(|interval| *interval > 0).unwrap_or(millis(self.options.interval))
    }

    fn schedule(&self, id: &GroupId, group: &RuleGroup) -> Schedule {
        Schedule::new(self.interval_ms(group), id.origin.name(), &id.name)
    }

    fn group(&self, group: &RuleGroup) -> Group {
        Group::new(group, millis(self.options.query_offset))
    }

    pub fn status(&self, id: GroupId, group: Arc<RuleGroup>) -> GroupStatus {
        let rules = vec![RuleStatus::default(); group.rules.len()];
        GroupStatus { interval_ms: self.interval_ms(&group), id, group, rules, last_ms: None, took: 0.0, missed: 0 }
    }
}

impl Running {
    pub fn new(
        id: GroupId,
        shared: Arc<Shared>,
        spec: Arc<RuleGroup>,
        wanted: watch::Receiver<Wanted>,
        status: Arc<RwLock<GroupStatus>>,
    ) -> Self {
        let schedule = shared.schedule(&id, &spec);
        let group = shared.group(&spec).awaiting_restore();
        // The first evaluation is at the next instant: the last one may be from before a restart.
        let last_ms = schedule.due(None, shared.now_ms()).map_or(0, |due| due.at_ms);
        Running { id, shared, wanted, status, spec, schedule, group, restored: false, settled: false, last_ms }
    }

    pub async fn run(mut self, stop: CancellationToken) {
        info!(group = %self.id, "rules are evaluated");
        loop {
            let now_ms = self.shared.now_ms();
            if let Some(due) = self.schedule.due(Some(self.last_ms), now_ms) {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.evaluate(due) => {}
                }
            }
            let now_ms = self.shared.now_ms();
            let left_ms = self.schedule.next(now_ms).saturating_sub(now_ms);
            let wait = Duration::from_millis(u64::try_from(left_ms).unwrap_or(0)).min(LONGEST_WAIT);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
                changed = self.wanted.changed() => {
                    let wanted = self.wanted.borrow_and_update().clone();
                    match (changed, wanted) {
                        (Ok(()), Some(spec)) => self.replace(spec),
                        _ => return self.end().await,
                    }
                }
            }
        }
    }

    fn replace(&mut self, spec: Arc<RuleGroup>) {
        info!(group = %self.id, "rules have changed");
        let mut group = self.shared.group(&spec);
        if !self.restored {
            group = group.awaiting_restore();
        }
        group.adopt(std::mem::replace(&mut self.group, Group::new(&spec, 0)));
        self.group = group;
        self.schedule = self.shared.schedule(&self.id, &spec);
        *self.status.write() = self.shared.status(self.id.clone(), spec.clone());
        self.spec = spec;
    }

    /// Ends the series of a group that is gone.
    async fn end(self) {
        info!(group = %self.id, "rules are not evaluated any more");
        let Running { id, shared, group, .. } = self;
        let at_ms = shared.now_ms();
        let (engines, of) = (shared.engines.clone(), id.clone());
        let ended = tokio::task::spawn_blocking(move || {
            let mut evaluate = engines.evaluate(&of.tenant, of.language);
            group.end(at_ms, &mut *evaluate)
        });
        if let Ok(Err(error)) = ended.await {
            warn!(group = %id, %error, "series of a group that is gone could not be ended; they go stale by themselves");
        }
    }

    async fn evaluate(&mut self, due: Due) {
        let shared = self.shared.clone();
        let Ok(_turn) = shared.turns.acquire().await else { return };
        self.last_ms = due.at_ms;
        let group = std::mem::replace(&mut self.group, Group::new(&RuleGroup::default(), 0));
        let (id, restored, of) = (self.id.clone(), self.restored, shared.clone());
        let evaluated = tokio::task::spawn_blocking(move || of.evaluated(&id, group, due.at_ms, restored)).await;
        match evaluated {
            Ok(evaluated) => self.take(evaluated, due).await,
            Err(panic) => {
                error!(group = %self.id, %panic, "an evaluation failed; the group begins anew");
                self.group = shared.group(&self.spec).awaiting_restore();
                self.restored = false;
            }
        }
    }

    async fn take(&mut self, evaluated: Evaluated, due: Due) {
        let Evaluated { group, rules, took, restored } = evaluated;
        (self.group, self.restored) = (group, restored);
        self.count(&rules, took, due);
        let all_well = rules.iter().all(|(outcome, _)| outcome.result.is_ok());
        let interval_ms = self.shared.interval_ms(&self.spec);
        let notices = self.group.notices(due.at_ms, millis(self.shared.options.resend_delay), interval_ms);
        self.publish(rules, took, due);
        if !notices.is_empty() {
            let told = notices.into_iter().map(|notice| self.told(notice)).collect();
            self.shared.notify.notify(&self.id, told).await;
        }
        if all_well && !self.settled {
            let live = self.group.alerts().filter(|alert| alert.state != AlertState::Inactive);
            let known = live.map(|alert| self.with_external(alert.labels.clone())).collect();
            self.settled = self.shared.notify.settle(&self.id, &known).await;
        }
    }

    fn told(&self, mut notice: Notice) -> Told {
        notice.labels = self.with_external(notice.labels);
        let generator_url = self.shared.engines.link(self.id.language, &notice.expr);
        Told { notice, generator_url }
    }

    fn with_external(&self, labels: LabelSet) -> LabelSet {
        let options = &self.shared.options;
        let absent = options.external_labels.iter().filter(|(name, _)| labels.get(name).is_none());
        let added: Vec<(&str, &str)> = absent.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if added.is_empty() { labels } else { LabelSet::from_pairs(labels.iter().chain(added)) }
    }

    fn count(&self, rules: &[(Outcome, Duration)], took: Duration, due: Due) {
        let (metrics, language) = (&self.shared.metrics, [self.id.language.as_str()]);
        let failed: Vec<&(Outcome, Duration)> = rules.iter().filter(|(outcome, _)| outcome.result.is_err()).collect();
        metrics.evaluations.with_label_values(&language).inc_by(rules.len() as u64);
        metrics.failures.with_label_values(&language).inc_by(failed.len() as u64);
        metrics.missed.with_label_values(&language).inc_by(due.missed);
        metrics.seconds.with_label_values(&language).observe(took.as_secs_f64());
        for (outcome, _) in failed {
            if let Err(error) = &outcome.result {
                warn!(group = %self.id, rule = outcome.rule, %error, "a rule could not be evaluated");
            }
        }
        if due.missed > 0 {
            warn!(group = %self.id, missed = due.missed, "evaluations were missed");
        }
        debug!(group = %self.id, at_ms = due.at_ms, ?took, "evaluated");
    }

    fn publish(&self, rules: Vec<(Outcome, Duration)>, took: Duration, due: Due) {
        let alerts = self.group.alerts_by_rule();
        let shown = rules.into_iter().zip(alerts).map(|((outcome, took), alerts)| {
            let (health, last_error, series) = match outcome.result {
                Ok(series) => (RuleHealth::Ok, String::new(), series),
                Err(error) => (RuleHealth::Err, error.to_string(), 0),
            };
            let alerts = alerts.into_iter().cloned().collect();
            RuleStatus { health, last_error, last_ms: Some(due.at_ms), took: took.as_secs_f64(), series, alerts }
        });
        let mut status = self.status.write();
        status.rules = shown.collect();
        status.last_ms = Some(due.at_ms);
        status.took = took.as_secs_f64();
        status.missed += due.missed;
    }
}

impl Shared {
    /// Blocks.
    fn evaluated(&self, id: &GroupId, mut group: Group, at_ms: i64, restored: bool) -> Evaluated {
        let mut evaluate = self.engines.evaluate(&id.tenant, id.language);
        let expand = self.engines.expand(&id.tenant, id.language);
        let began = Instant::now();
        let (mut rules, mut mark) = (Vec::new(), began);
        group.evaluate_each(at_ms, &mut *evaluate, &*expand, |outcome| {
            rules.push((outcome, mark.elapsed()));
            mark = Instant::now();
        });
        let restored = restored || self.restore(id, &mut group, at_ms);
        Evaluated { group, rules, took: began.elapsed(), restored }
    }

    fn restore(&self, id: &GroupId, group: &mut Group, at_ms: i64) -> bool {
        let since_ms = at_ms.saturating_sub(millis(self.options.for_outage_tolerance));
        match self.engines.for_states(&id.tenant, since_ms, at_ms) {
            Ok(states) => {
                let states: BTreeMap<LabelSet, ForState> = states.into_iter().collect();
                group.restore(at_ms, millis(self.options.for_grace_period), |labels| states.get(labels).copied());
                true
            }
            Err(error) => {
                warn!(group = %id, %error, "since when alerts are active could not be read; it is tried again");
                false
            }
        }
    }
}
