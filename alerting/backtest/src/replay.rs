//! Replays history: window by window, in each rule by rule, in each instant by instant.

use crate::answers::Past;
use crate::history::History;
use crate::notify::{Deliver, Sent};
use crate::reads::{asks, may_read, written_by};
use crate::report::{Episode, Report};
use crate::unit::Unit;
use gantry_alerting::{Expand, RuleFile};
use gantry_model::Selector;
use gantry_promql::Steps;
use gantry_promql::memory::Memory;
use std::sync::Arc;

/// Instants that a question is about. More are faster, and take more memory: a cell of 16 bytes for each instant and series.
const WINDOW: i64 = 2048;
/// How far back templates that ask queries see what rules wrote.
const KEPT_MS: i64 = 60 * 60 * 1000;
/// Most samples that rules write for others to read, at a time.
const MAX_WRITTEN: usize = 10_000_000;
/// Most alerts that fire.
const MAX_EPISODES: usize = 100_000;
/// Most episodes and notifications of a report.
const MAX_LISTED: usize = 10_000;

/// The time that is replayed. Milliseconds, instants since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start_ms: i64,
    pub end_ms: i64,
    /// Between evaluations of all groups, in place of their own intervals.
    pub step_ms: Option<i64>,
    /// Between evaluations of groups that do not say.
    pub interval_ms: i64,
}

/// Why there is no report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The rules, or what is asked of them, are wrong; each line says what.
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    TooMuch(String),
    /// History could not be read to its end.
    #[error("{0}")]
    History(String),
}

/// Replays the rules of a file, which has [no problems](RuleFile::problems) in the language of `history`.
///
/// # Errors
/// The span is empty, there is too much of something, or history could not be read.
pub fn replay(
    file: &RuleFile,
    span: Span,
    history: &mut dyn History,
    expand: &dyn Expand,
    deliver: &mut dyn Deliver,
) -> Result<Report, ReplayError> {
    if span.end_ms < span.start_ms {
        return Err(ReplayError::Invalid("the end is before the start".to_owned()));
    }
    let mut units = units(file, span)?;
    let looks_ahead = connect(&mut units, history)?;
    let replaces = written_by(file);
    let mut past = Past { history, written: Arc::default(), replaces };
    let shortest_ms = units.iter().map(|unit| unit.report.interval_ms).min().unwrap_or(1);
    let window_ms = if looks_ahead { shortest_ms } else { shortest_ms.saturating_mul(WINDOW) };
    let mut from_ms = span.start_ms;
    while from_ms <= span.end_ms {
        let to_ms = from_ms.saturating_add(window_ms - 1).min(span.end_ms);
        forget(&mut past, &units, from_ms, to_ms)?;
        for unit in &mut units {
            unit.run(to_ms, &mut past, expand).map_err(ReplayError::History)?;
        }
        check_size(&past.written, &units)?;
        from_ms = to_ms + 1;
    }
    Ok(report(units, span, looks_ahead, deliver))
}

fn units(file: &RuleFile, span: Span) -> Result<Vec<Unit>, ReplayError> {
    let mut units = Vec::new();
    for group in &file.groups {
        let interval_ms =
            span.step_ms.or(group.interval_ms.filter(|interval| *interval > 0)).unwrap_or(span.interval_ms);
        if interval_ms < 1 {
            return Err(ReplayError::Invalid("the step is at least a millisecond".to_owned()));
        }
        units.extend(group.rules.iter().map(|rule| Unit::new(group, rule, interval_ms, span.start_ms)));
    }
    Ok(units)
}

/// Finds out who is read. True: somebody reads what is written by a later rule, or by itself, at an instant before; then rules
/// are replayed together instant by instant.
fn connect(units: &mut [Unit], history: &dyn History) -> Result<bool, ReplayError> {
    let asked = units.iter().map(|unit| selectors(unit, history)).collect::<Result<Vec<_>, _>>()?;
    let anything = units.iter().any(|unit| asks(&unit.rule));
    let mut looks_ahead = false;
    for (writer, unit) in units.iter_mut().enumerate() {
        for (reader, selectors) in asked.iter().enumerate() {
            if selectors.iter().any(|selector| may_read(selector, &unit.rule)) {
                unit.is_read = true;
                looks_ahead |= reader <= writer;
            }
        }
        unit.is_read |= anything;
    }
    Ok(looks_ahead)
}

fn selectors(unit: &Unit, history: &dyn History) -> Result<Vec<Selector>, ReplayError> {
    let found = history.reads(&unit.rule.expr, Steps::instant(0)).map_err(ReplayError::Invalid)?;
    Ok(found.into_iter().map(|select| select.selector).collect())
}

/// Drops what was written and is not looked at any more.
fn forget(past: &mut Past<'_>, units: &[Unit], from_ms: i64, to_ms: i64) -> Result<(), ReplayError> {
    if past.written.is_empty() {
        return Ok(());
    }
    let mut needed_ms = from_ms.saturating_sub(KEPT_MS);
    for unit in units {
        let Some(steps) = unit.steps(to_ms) else { continue };
        let asked = past.history.reads(&unit.rule.expr, steps).map_err(ReplayError::Invalid)?;
        needed_ms = asked.iter().map(|select| select.first_ms).fold(needed_ms, i64::min);
    }
    Arc::make_mut(&mut past.written).forget_before(needed_ms);
    Ok(())
}

fn check_size(written: &Memory, units: &[Unit]) -> Result<(), ReplayError> {
    if written.samples() > MAX_WRITTEN {
        let what = format!("rules record more than {MAX_WRITTEN} samples for others to read: try fewer at a time");
        return Err(ReplayError::TooMuch(what));
    }
    if units.iter().map(|unit| unit.watch.len()).sum::<usize>() > MAX_EPISODES {
        return Err(ReplayError::TooMuch(format!(
            "more than {MAX_EPISODES} alerts fire: narrow the time or the rules"
        )));
    }
    Ok(())
}

fn report(units: Vec<Unit>, span: Span, looks_ahead: bool, deliver: &mut dyn Deliver) -> Report {
    let (mut rules, mut episodes) = (Vec::with_capacity(units.len()), Vec::<Episode>::new());
    for mut unit in units {
        episodes.extend(unit.watch.finish(span.end_ms, &mut unit.report));
        rules.push(unit.report);
    }
    episodes.sort_by(|a, b| (a.fired_ms, &a.group, &a.labels).cmp(&(b.fired_ms, &b.group, &b.labels)));
    let Sent { mut notifications, mut remarks } = deliver.deliver(&episodes, span.end_ms);
    let (fired, notified) = (episodes.len() as u64, notifications.len() as u64);
    if looks_ahead {
        remarks.push(
            "a rule reads what it or a later rule wrote before: rules were replayed instant by instant".to_owned(),
        );
    }
    if episodes.len() > MAX_LISTED || notifications.len() > MAX_LISTED {
        remarks.push(format!("only the first {MAX_LISTED} alerts and notifications are listed"));
    }
    episodes.truncate(MAX_LISTED);
    notifications.truncate(MAX_LISTED);
    Report { start_ms: span.start_ms, end_ms: span.end_ms, rules, episodes, fired, notifications, notified, remarks }
}
