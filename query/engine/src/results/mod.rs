//! [`ResultCache`]: values of metric queries that were computed before and still hold.
//!
//! Dashboards ask the same question again and again, each time a little later. Steps are kept in segments of
//! [`SEGMENT_STEPS`], aligned to the step, so that windows that slide find them again. Every segment carries the version
//! ([`gantry_store_api::Queryable::version`], [`gantry_store_api::QueryMetrics::metric_version`]) of the time that it was computed
//! from: a late line or sample, a delete request or a retention makes it void. Nothing is kept of steps that lie ahead of the clock. Never here: scanning, arithmetic.

mod lru;

use gantry_model::TenantId;
use gantry_query_eval::metric::Steps;
use lru::Lru;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Steps that are kept and voided together.
const SEGMENT_STEPS: i64 = 8;
/// Queries of fewer steps are not worth it.
const FEWEST_STEPS: usize = 2 * SEGMENT_STEPS as usize;
/// A step shorter than this, in nanoseconds, is hardly asked for twice.
const SHORTEST_STEP: i64 = 1_000_000_000;
/// Bytes that an entry takes beside its rows, about.
const ENTRY_BYTES: usize = 256;

/// A series: its labels and a point, or none, for every step.
pub trait Row: Clone {
    type Labels: Clone + Eq + Hash;

    fn new(labels: Self::Labels, points: usize) -> Self;
    fn labels(&self) -> &Self::Labels;
    fn points(&self) -> usize;
    /// Whether there is a point at a step.
    fn has(&self, step: usize) -> bool;
    /// Takes over the point of another row.
    fn take(&mut self, step: usize, from: &Self, at: usize);
    /// Memory, about.
    fn bytes(&self) -> usize;
}

/// What is computed: the same question in every respect but the time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    pub tenant: TenantId,
    /// What is computed, as a query, and all else that its values depend on.
    pub text: String,
}

/// A question with its steps: a segment has the numbers `n * SEGMENT_STEPS ..` of instants `number * step + phase`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Grid {
    question: Question,
    step: i64,
    phase: i64,
}

type Key = (Arc<Grid>, i64);

/// The values of one segment's steps.
#[derive(Clone, Debug)]
struct Segment<R> {
    version: u64,
    rows: Arc<[R]>,
}

#[derive(Debug)]
pub struct ResultCache<R>(Mutex<Lru<Key, Segment<R>>>);

/// What a query finds kept, and what is left to compute.
#[derive(Debug)]
pub struct Plan<R> {
    grid: Arc<Grid>,
    /// Numbers of the steps that are asked for.
    asked: RangeInclusive<i64>,
    found: Vec<(i64, Segment<R>)>,
    /// Numbers of the steps to compute; may begin before what is asked for.
    missing: Option<RangeInclusive<i64>>,
    /// Versions of the segments that may be kept when they are computed.
    versions: HashMap<i64, u64>,
}

impl<R: Row> ResultCache<R> {
    /// `bytes`: memory for kept values; 0 keeps none.
    pub fn new(bytes: usize) -> Self {
        ResultCache(Mutex::new(Lru::new(bytes)))
    }

    /// Bytes in use.
    pub fn used(&self) -> usize {
        self.0.lock().used()
    }

    /// `version` gives the version of the time that steps look at, `None` when they must not be kept. `None` when the
    /// query is not of the kind that is kept.
    pub fn plan(&self, question: Question, steps: Steps, version: impl Fn(Steps) -> Option<u64>) -> Option<Plan<R>> {
        if steps.count() < FEWEST_STEPS || steps.step < SHORTEST_STEP {
            return None;
        }
        let grid = Arc::new(Grid { question, step: steps.step, phase: steps.start.rem_euclid(steps.step) });
        let first = steps.start.div_euclid(steps.step);
        let asked = first..=first + steps.count() as i64 - 1;
        let mut plan =
            Plan { grid, asked: asked.clone(), found: Vec::new(), missing: None, versions: HashMap::default() };
        for segment in asked.start().div_euclid(SEGMENT_STEPS)..=asked.end().div_euclid(SEGMENT_STEPS) {
            let all = segment * SEGMENT_STEPS..=(segment + 1) * SEGMENT_STEPS - 1;
            let version = version(plan.grid.steps(&all));
            plan.versions.extend(version.map(|version| (segment, version)));
            match version.and_then(|version| self.find(&plan.grid, segment, version)) {
                Some(found) => plan.found.push((segment, found)),
                // From the beginning of the segment, so that it can be kept; at the end nothing more than asked for.
                None => {
                    let from = plan.missing.as_ref().map_or(*all.start(), |missing| *missing.start());
                    plan.missing = Some(from..=*all.end().min(asked.end()));
                }
            }
        }
        Some(plan)
    }

    fn find(&self, grid: &Arc<Grid>, segment: i64, version: u64) -> Option<Segment<R>> {
        let mut kept = self.0.lock();
        let key = (grid.clone(), segment);
        let found = kept.get(&key)?;
        if found.version == version {
            return Some(found);
        }
        kept.remove(&key);
        None
    }

    /// Keeps whole segments of what was computed for `plan.missing()`; gives how many.
    pub fn keep(&self, plan: &Plan<R>, computed: &[R]) -> usize {
        let Some(missing) = &plan.missing else { return 0 };
        let mut kept = 0;
        for (segment, version) in &plan.versions {
            let all = segment * SEGMENT_STEPS..=(segment + 1) * SEGMENT_STEPS - 1;
            if !missing.contains(all.start()) || !missing.contains(all.end()) {
                continue;
            }
            let from = (all.start() - missing.start()) as usize;
            let rows: Arc<[R]> = computed.iter().filter_map(|row| part(row, from)).collect();
            let bytes = ENTRY_BYTES + plan.grid.question.text.len() + rows.iter().map(R::bytes).sum::<usize>();
            self.0.lock().put((plan.grid.clone(), *segment), Segment { version: *version, rows }, bytes);
            kept += 1;
        }
        kept
    }
}

/// The points of a segment that begins at a step; `None` without any.
fn part<R: Row>(row: &R, from: usize) -> Option<R> {
    let steps = SEGMENT_STEPS as usize;
    (from..from + steps).any(|step| row.has(step)).then(|| {
        let mut part = R::new(row.labels().clone(), steps);
        (0..steps).for_each(|step| part.take(step, row, from + step));
        part
    })
}

impl Grid {
    fn at(&self, number: i64) -> i64 {
        number.saturating_mul(self.step).saturating_add(self.phase)
    }

    fn steps(&self, numbers: &RangeInclusive<i64>) -> Steps {
        Steps { start: self.at(*numbers.start()), end: self.at(*numbers.end()), step: self.step }
    }
}

impl<R: Row> Plan<R> {
    /// The steps that have to be computed.
    pub fn missing(&self) -> Option<Steps> {
        self.missing.as_ref().map(|missing| self.grid.steps(missing))
    }

    /// How many segments were found, and how many asked for.
    pub fn found(&self) -> (usize, usize) {
        let segments = self.asked.end().div_euclid(SEGMENT_STEPS) - self.asked.start().div_euclid(SEGMENT_STEPS) + 1;
        (self.found.len(), segments as usize)
    }

    /// Puts what was found and what was computed together.
    pub fn assemble(self, computed: &[R]) -> Vec<R> {
        let mut answer = Answer { asked: self.asked, rows: Vec::new(), known: HashMap::new() };
        for (segment, found) in &self.found {
            found.rows.iter().for_each(|row| answer.add(segment * SEGMENT_STEPS, row));
        }
        if let Some(missing) = self.missing {
            computed.iter().for_each(|row| answer.add(*missing.start(), row));
        }
        answer.rows
    }
}

/// Series as they grow.
struct Answer<R: Row> {
    asked: RangeInclusive<i64>,
    rows: Vec<R>,
    known: HashMap<R::Labels, usize>,
}

impl<R: Row> Answer<R> {
    /// Adds points that begin at step number `from`.
    fn add(&mut self, from: i64, part: &R) {
        let asked = &self.asked;
        let inside = |step: &usize| asked.contains(&(from + *step as i64)) && part.has(*step);
        let mut steps = (0..part.points()).filter(inside).peekable();
        if steps.peek().is_none() {
            return;
        }
        let points = (asked.end() - asked.start() + 1) as usize;
        let at = *self.known.entry(part.labels().clone()).or_insert_with(|| {
            self.rows.push(R::new(part.labels().clone(), points));
            self.rows.len() - 1
        });
        for step in steps {
            self.rows[at].take((from + step as i64 - asked.start()) as usize, part, step);
        }
    }
}

#[cfg(test)]
mod tests;
