//! What must not change an answer: how many threads read series, and whether instants are asked one by one or all at once.
//!
//! Queries and series come from a seed that each case of `proptest` chooses.
#![allow(clippy::unwrap_used)]

mod random;

use gantry_model::LabelSet;
use gantry_model::metric::Samples;
use gantry_promql::{Answer, EvalError, Params, Select, SeriesSet, Source, SourceError, Steps, Value, evaluate};
use gantry_query_lang::promql::ast::ValueType;
use gantry_query_lang::promql::{Options, parse};
use proptest::prelude::*;
use random::{Chance, Queries, world};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

struct World(Vec<(LabelSet, Samples)>);

struct Found(Vec<LabelSet>, Vec<Samples>);

impl SeriesSet for Found {
    fn labels(&self) -> &[LabelSet] {
        &self.0
    }

    fn read(&self, series: usize, into: &mut Samples) -> Result<(), SourceError> {
        into.clone_from(&self.1[series]);
        Ok(())
    }
}

impl Source for World {
    fn select(&self, request: &Select) -> Result<Arc<dyn SeriesSet>, SourceError> {
        let found = self.0.iter().filter(|(labels, _)| request.selector.matches(labels)).cloned();
        let (labels, samples) = found.unzip();
        Ok(Arc::new(Found(labels, samples)))
    }

    fn take_memory(&self, _: usize) -> bool {
        true
    }
}

impl World {
    /// Series four times, told apart by a label, so that several threads have work; but those that others are joined to.
    fn of(chance: &mut Chance) -> World {
        let mut series = Vec::new();
        for one in world(chance) {
            let is_joined = one.labels.iter().any(|(_, value)| value == "owner");
            for copy in 0..if is_joined { 1 } else { 4 } {
                let pairs = one.labels.iter().map(|(name, value)| (name.clone(), value.clone()));
                let labels: LabelSet = pairs.chain([("copy".to_owned(), copy.to_string())]).collect();
                let mut samples = Samples::default();
                one.samples.iter().for_each(|(at, value)| samples.push(*at, *value));
                series.push((labels, samples));
            }
        }
        series.sort_by(|a, b| a.0.cmp(&b.0));
        World(series)
    }

    fn ask(&self, query: &str, steps: Steps, instant: bool, threads: usize) -> Result<Answer, String> {
        let params =
            Params { steps, instant, lookback: 300_000, subquery_step: 60_000, max_samples: 1_000_000_000, threads };
        let expr = parse(query, Options::ALL).map_err(|error| error.to_string())?;
        let answer = evaluate(&expr, query, params, self, &AtomicBool::new(false));
        answer.map_err(|error: EvalError| error.to_string())
    }
}

fn close(a: f64, b: f64, largest: f64) -> bool {
    a == b
        || (a.is_nan() && b.is_nan())
        || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
        || (a - b).abs() <= 1e-12 * largest
}

/// Numbers by labels, at one step.
fn numbers(value: &Value, step: usize) -> BTreeMap<LabelSet, f64> {
    match value {
        Value::Scalar(values) => BTreeMap::from([(LabelSet::default(), values[step])]),
        Value::Vector(series) => {
            let here = series.iter().filter_map(|one| Some((one.labels.clone(), one.cells[step].float()?)));
            here.collect()
        }
        other => panic!("no vector: {other:?}"),
    }
}

fn assert_same(what: &str, one: &BTreeMap<LabelSet, f64>, two: &BTreeMap<LabelSet, f64>) {
    assert!(one.keys().eq(two.keys()), "{what}: other series: {one:?} and {two:?}");
    let finite = one.values().map(|value| value.abs()).filter(|value| value.is_finite());
    let largest = finite.fold(0.0, f64::max);
    for (labels, value) in one {
        assert!(close(*value, two[labels], largest), "{what}: {labels}: {value} and {}", two[labels]);
    }
}

/// A query for a vector or a number. Few that are made are none.
fn query(chance: &mut Chance) -> (String, Steps) {
    loop {
        let mut queries = Queries::new(chance);
        let (query, (start, end, step)) = (queries.query(), queries.times());
        let steps = Steps { start: start * 1000, end: end.min(start + 12 * step) * 1000, step: step * 1000 };
        let kind = parse(&query, Options::ALL).map(|expr| expr.value_type());
        if kind.is_ok_and(|kind| !matches!(kind, ValueType::Matrix | ValueType::String)) {
            return (query, steps);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_number_of_threads_changes_nothing(seed: u64, threads in 2usize..9) {
        let mut chance = Chance::new(seed);
        let world = World::of(&mut chance);
        let (query, steps) = query(&mut chance);
        let (one, many) = (world.ask(&query, steps, false, 1), world.ask(&query, steps, false, threads));
        match (one, many) {
            (Ok(one), Ok(many)) => {
                prop_assert_eq!(&one.annotations, &many.annotations, "{}", query);
                for step in 0..steps.count() {
                    assert_same(&query, &numbers(&one.value, step), &numbers(&many.value, step));
                }
            }
            (one, many) => prop_assert_eq!(one.err(), many.err(), "{}", query),
        }
    }

    #[test]
    fn a_range_holds_what_its_instants_hold(seed: u64) {
        let mut chance = Chance::new(seed);
        let world = World::of(&mut chance);
        let (query, steps) = query(&mut chance);
        prop_assume!(!query.contains("start()") && !query.contains("end()"));
        let range = world.ask(&query, steps, false, 2);
        let mut all_answered = true;
        for (step, at) in steps.iter().enumerate() {
            let instant = world.ask(&query, Steps::instant(at), true, 2);
            all_answered &= instant.is_ok();
            if let (Ok(range), Ok(instant)) = (&range, &instant) {
                assert_same(&query, &numbers(&range.value, step), &numbers(&instant.value, 0));
            }
        }
        prop_assert_eq!(range.is_ok(), all_answered, "{}: {:?}", query, range.err());
    }
}
