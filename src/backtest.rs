//! Backtests of rules: the query engine as their history, and the Alertmanager's routes for what would have been sent.

use crate::wiring::told;
use gantry_alerting::{RuleFile, Templates};
use gantry_alertmanager::{Alert, Alertmanager, Core};
use gantry_backtest::{
    Deliver, Episode, History, HistoryError, Notification, Replaces, ReplayError, Report, Sent, Span, replay,
};
use gantry_model::{LabelSet, TenantId, Timestamp};
use gantry_promql::memory::Memory;
use gantry_promql::{Select, Series, Steps, selections};
use gantry_query::{Over, QueryEngine, QueryError};
use gantry_query_lang::promql;
use gantry_ruler::Language;
use std::fmt;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Backtests that run at a time: each keeps a thread and, for a while, a slot for queries.
const AT_A_TIME: usize = 2;
/// Instants at which alerts are routed, and notifications that are kept.
const MOST_INSTANTS: usize = 500_000;
const MOST_SENT: usize = 50_000;
/// An alert that fires has no end that is known: nanoseconds, a hundred years.
const FAR: i64 = 100 * 365 * 86_400 * 1_000_000_000;

/// Runs backtests.
pub struct Backtests {
    query: Arc<QueryEngine>,
    manager: Arc<Alertmanager>,
    templates: Templates,
    slots: Semaphore,
}

impl fmt::Debug for Backtests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backtests").field("free", &self.slots.available_permits()).finish_non_exhaustive()
    }
}

/// Why there is no report.
#[derive(Debug)]
pub enum NoReport {
    /// As many run as may.
    Busy,
    Replay(ReplayError),
}

impl Backtests {
    pub fn new(query: Arc<QueryEngine>, manager: Arc<Alertmanager>, templates: Templates) -> Self {
        Backtests { query, manager, templates, slots: Semaphore::new(AT_A_TIME) }
    }

    /// Everything that is wrong with rules, a line each.
    pub fn problems(&self, file: &RuleFile, language: Language) -> Vec<String> {
        let check = |expr: &str| match language {
            Language::Promql => self.query.check_promql(expr),
            Language::Logql => self.query.check_logql_metric(expr),
        };
        let found = file.problems_by(&|expr| check(expr).map_err(|error| error.to_string()));
        found.iter().map(ToString::to_string).collect()
    }

    /// Replays rules without problems. Dropping the future ends it at the next question.
    ///
    /// # Errors
    /// Too many run, or it cannot be done.
    pub async fn run(
        &self,
        tenant: &TenantId,
        (file, language): (RuleFile, Language),
        span: Span,
    ) -> Result<Report, NoReport> {
        let _slot = self.slots.try_acquire().map_err(|_| NoReport::Busy)?;
        let gone = CancellationToken::new();
        let _gone_when_dropped = gone.clone().drop_guard();
        let (query, runtime) = (self.query.clone(), Handle::current());
        let mut stored = Stored { query, language, runtime, tenant: tenant.clone(), gone };
        let mut routed = Routed(Some(self.manager.rehearsal()));
        let templates = self.templates.clone();
        let work = tokio::task::spawn_blocking(move || replay(&file, span, &mut stored, &templates, &mut routed));
        let done = work.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a backtest ended without a report");
            Err(ReplayError::History("the server failed, see its log".to_owned()))
        });
        done.map_err(NoReport::Replay)
    }
}

/// What is stored, for a thread that may block.
struct Stored {
    query: Arc<QueryEngine>,
    language: Language,
    runtime: Handle,
    tenant: TenantId,
    gone: CancellationToken,
}

impl History for Stored {
    fn range(
        &mut self,
        expr: &str,
        steps: Steps,
        written: &Arc<Memory>,
        replaces: &Replaces,
    ) -> Result<Vec<Series>, HistoryError> {
        let over = Over { series: written.clone(), replaced: replaces.clone() };
        let answer = async {
            match self.language {
                Language::Promql => self.query.promql_over(&self.tenant, expr, steps, over).await,
                // Lines are not what rules write.
                Language::Logql => self.query.logql_range(&self.tenant, expr, steps).await,
            }
        };
        let answer = self.runtime.block_on(self.gone.run_until_cancelled(answer));
        match answer {
            None => Err(HistoryError::Fatal("nobody waits for the report any more".to_owned())),
            Some(Ok(series)) => Ok(series),
            Some(Err(error @ (QueryError::Invalid(_) | QueryError::Budget(_)))) => {
                Err(HistoryError::Rule(error.to_string()))
            }
            Some(Err(error)) => Err(HistoryError::Fatal(told(error))),
        }
    }

    fn reads(&self, expr: &str, steps: Steps) -> Result<Vec<Select>, String> {
        if self.language == Language::Logql {
            return Ok(Vec::new());
        }
        let expr = promql::parse(expr, self.query.promql_options()).map_err(|error| error.to_string())?;
        // What cannot be computed will fail when it is asked.
        Ok(selections(&expr, &self.query.promql_params(steps, false)).unwrap_or_default())
    }
}

/// Goes along the routes of an Alertmanager that knows nothing yet.
struct Routed(Option<Core>);

impl Deliver for Routed {
    fn deliver(&mut self, episodes: &[Episode], end_ms: i64) -> Sent {
        let mut sent = Sent::default();
        let Some(core) = self.0.take() else { return sent };
        if !core.has_integrations() {
            sent.remarks.push("no receiver is configured: nobody would have been told".to_owned());
            return sent;
        }
        let (until, notifications) = (Timestamp::from_millis(end_ms), &mut sent.notifications);
        let known = core.rehearse(reports(episodes), until, MOST_INSTANTS, |one| {
            let resolved = one.alerts.iter().filter(|alert| alert.is_resolved(one.at)).count();
            notifications.push(Notification {
                at_ms: one.at.nanos() / 1_000_000,
                receiver: one.receiver.clone(),
                integration: one.integration.clone(),
                group: one.group.labels.clone(),
                firing: (one.alerts.len() - resolved) as u64,
                resolved: resolved as u64,
            });
            notifications.len() < MOST_SENT
        });
        if known < until {
            let at = chrono::DateTime::from_timestamp_nanos(known.nanos()).format("%Y-%m-%dT%H:%M:%SZ");
            sent.remarks.push(format!("there are too many notifications: only those up to {at} are known"));
        }
        sent
    }
}

/// Beginnings and ends in order of time.
fn reports(episodes: &[Episode]) -> Vec<(Timestamp, Alert)> {
    let mut reports = Vec::with_capacity(2 * episodes.len());
    for episode in episodes {
        let starts = Timestamp::from_millis(episode.fired_ms);
        reports.push((starts, alert(episode, starts, starts.saturating_add(FAR))));
        if let Some(resolved) = episode.resolved_ms.map(Timestamp::from_millis) {
            reports.push((resolved, alert(episode, resolved, resolved)));
        }
    }
    // Of one instant ends come first: what ends and begins again at once is one alert.
    reports.sort_by_key(|(at, alert)| (*at, alert.ends));
    reports
}

fn alert(episode: &Episode, updated: Timestamp, ends: Timestamp) -> Alert {
    Alert {
        labels: LabelSet::clone(&episode.labels),
        annotations: episode.annotations.clone(),
        starts: Timestamp::from_millis(episode.fired_ms),
        ends,
        updated,
        generator_url: String::new(),
        source: String::new(),
        timeout: false,
    }
}
