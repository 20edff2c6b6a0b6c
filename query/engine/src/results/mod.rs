//! [`ResultCache`]: values of range aggregations that were computed before and still hold.
//!
//! Dashboards ask the same question again and again, each time a little later. Steps are kept in segments of
//! [`SEGMENT_STEPS`], aligned to the step, so that windows that slide find them again. Every segment carries the version
//! ([`gantry_store_api::Queryable::version`]) of the time that it was computed from: a late line, a delete request or a
//! retention makes it void. Nothing is kept of steps that lie ahead of the clock. Never here: scanning, arithmetic.

mod lru;

use gantry_model::TenantId;
use gantry_query_eval::Labels;
use gantry_query_eval::metric::{Series, Steps, Table};
use lru::Lru;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Steps that are kept and voided together.
const SEGMENT_STEPS: i64 = 8;
/// Queries of fewer steps are not worth it.
const FEWEST_STEPS: usize = 2 * SEGMENT_STEPS as usize;
/// A step shorter than this, in nanoseconds, is hardly asked for twice.
const SHORTEST_STEP: i64 = 1_000_000_000;
/// Bytes that a point and an entry take, about.
const POINT_BYTES: usize = 16;
const ENTRY_BYTES: usize = 256;

/// What is computed: the same question in every respect but the time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    pub tenant: TenantId,
    /// The range aggregation as LogQL, and all else that its values depend on.
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
struct Segment {
    version: u64,
    series: Arc<[Series]>,
}

#[derive(Debug)]
pub struct ResultCache(Mutex<Lru<Key, Segment>>);

/// What a query finds kept, and what is left to compute.
#[derive(Debug)]
pub struct Plan {
    grid: Arc<Grid>,
    /// Numbers of the steps that are asked for.
    asked: RangeInclusive<i64>,
    found: Vec<(i64, Segment)>,
    /// Numbers of the steps to compute; may begin before what is asked for.
    missing: Option<RangeInclusive<i64>>,
    /// Versions of the segments that may be kept when they are computed.
    versions: HashMap<i64, u64>,
}

impl ResultCache {
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
    pub fn plan(&self, question: Question, steps: Steps, version: impl Fn(Steps) -> Option<u64>) -> Option<Plan> {
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

    fn find(&self, grid: &Arc<Grid>, segment: i64, version: u64) -> Option<Segment> {
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
    pub fn keep(&self, plan: &Plan, computed: &Table) -> usize {
        let Some(missing) = &plan.missing else { return 0 };
        let mut kept = 0;
        for (segment, version) in &plan.versions {
            let all = segment * SEGMENT_STEPS..=(segment + 1) * SEGMENT_STEPS - 1;
            if !missing.contains(all.start()) || !missing.contains(all.end()) {
                continue;
            }
            let from = (all.start() - missing.start()) as usize;
            let part = |series: &Series| {
                let points = series.points[from..from + SEGMENT_STEPS as usize].to_vec();
                points.iter().any(Option::is_some).then(|| Series { labels: series.labels.clone(), points })
            };
            let series: Arc<[Series]> = computed.series.iter().filter_map(part).collect();
            let bytes = ENTRY_BYTES + plan.grid.question.text.len() + series.iter().map(bytes_of).sum::<usize>();
            self.0.lock().put((plan.grid.clone(), *segment), Segment { version: *version, series }, bytes);
            kept += 1;
        }
        kept
    }
}

fn bytes_of(series: &Series) -> usize {
    let labels: usize = series.labels.iter().map(|(name, value)| name.len() + value.len() + 32).sum();
    64 + labels + series.points.len() * POINT_BYTES
}

impl Grid {
    fn at(&self, number: i64) -> i64 {
        number.saturating_mul(self.step).saturating_add(self.phase)
    }

    fn steps(&self, numbers: &RangeInclusive<i64>) -> Steps {
        Steps { start: self.at(*numbers.start()), end: self.at(*numbers.end()), step: self.step }
    }
}

impl Plan {
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
    pub fn assemble(self, computed: Option<Table>) -> Table {
        let mut answer = Answer { asked: self.asked, series: Vec::new(), known: HashMap::new() };
        for (segment, found) in &self.found {
            found.series.iter().for_each(|series| answer.add(segment * SEGMENT_STEPS, series));
        }
        if let (Some(table), Some(missing)) = (computed, self.missing) {
            table.series.iter().for_each(|series| answer.add(*missing.start(), series));
        }
        Table::new(answer.series)
    }
}

/// Series as they grow.
struct Answer {
    asked: RangeInclusive<i64>,
    series: Vec<Series>,
    known: HashMap<Labels, usize>,
}

impl Answer {
    /// Adds points that begin at step number `from`.
    fn add(&mut self, from: i64, part: &Series) {
        let asked = &self.asked;
        let inside = (from..).zip(&part.points).filter(|(number, point)| asked.contains(number) && point.is_some());
        let mut inside = inside.peekable();
        if inside.peek().is_none() {
            return;
        }
        let points = (asked.end() - asked.start() + 1) as usize;
        let at = *self.known.entry(part.labels.clone()).or_insert_with(|| {
            self.series.push(Series { labels: part.labels.clone(), points: vec![None; points] });
            self.series.len() - 1
        });
        for (number, point) in inside {
            self.series[at].points[(number - asked.start()) as usize] = *point;
        }
    }
}

#[cfg(test)]
mod tests;
