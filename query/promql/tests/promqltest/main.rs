//! Prometheus' own scripts for PromQL (`promqltest`), from the directory that `GANTRY_CONFORMANCE` names.

mod compare;
mod store;

use compare::check;
use gantry_model::metric::NativeHistogram;
use gantry_promql::{Answer, EvalError, Params, Steps, evaluate, histogram};
use gantry_query_lang::promql::script::{Command, Eval, EvalTime, parse_script};
use gantry_query_lang::promql::{Options, parse};
use std::sync::atomic::AtomicBool;
use store::Store;

/// Scripts with how many of their queries are answered otherwise than they demand, for want of what is named beside them.
/// A number that is too high fails, too.
const SCRIPTS: &[(&str, usize, &str)] = &[
    ("aggregators", 38, "native histograms are not computed with yet"),
    ("functions", 41, "not every function computes with native histograms yet"),
    ("literals", 0, ""),
    ("operators", 70, "native histograms are not computed with yet"),
    ("range_queries", 6, "native histograms are not computed with yet"),
    ("staleness", 0, ""),
    ("histograms", 131, "native histograms are not computed with yet"),
    ("trig_functions", 0, ""),
];

/// A histogram and another one that is added or subtracted.
fn combine(a: &NativeHistogram, b: &NativeHistogram, subtract: bool) -> Result<NativeHistogram, String> {
    let result = if subtract { histogram::sub(a, b) } else { histogram::add(a, b) };
    result.map(|result| result.histogram).map_err(|error| error.to_string())
}

fn script(name: &str) -> String {
    let dir = std::env::var("GANTRY_CONFORMANCE")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance").into());
    let path = format!("{dir}/promqltest/{name}.test");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn run(store: &Store, eval: &Eval) -> Result<Answer, String> {
    let expr = parse(&eval.query, Options::ALL).map_err(|error| error.to_string())?;
    let (steps, instant) = match eval.time {
        EvalTime::Instant(at) => (Steps::instant(at), true),
        EvalTime::Range { start, end, step } => (Steps { start, end, step }, false),
    };
    let params = Params { steps, instant, lookback: 300_000, subquery_step: 60_000, max_samples: 10_000_000 };
    evaluate(&expr, &eval.query, params, store, &AtomicBool::new(false)).map_err(|error: EvalError| error.to_string())
}

/// What goes wrong in a script, query by query.
fn failures(name: &str) -> (usize, Vec<String>) {
    let (mut store, mut failures, mut queries) = (Store::default(), Vec::new(), 0);
    for command in parse_script(&script(name)).expect("a script") {
        match command {
            Command::Clear => store = Store::default(),
            Command::Load(load) => store.load(&load),
            Command::Eval(eval) => {
                queries += 1;
                if let Err(text) = check(&eval, run(&store, &eval)) {
                    failures.push(format!("{name}.test:{}: {}\n    {text}", eval.line, eval.query));
                }
            }
        }
    }
    (queries, failures)
}

#[test]
fn scripts_of_prometheus_pass() {
    let mut problems = Vec::new();
    for (name, known, why) in SCRIPTS {
        let (queries, failures) = failures(name);
        println!("{name}: {} of {queries} queries fail", failures.len());
        if failures.len() != *known {
            problems.push(format!(
                "{name}: {} of {queries} fail, {known} are known: {why}\n  {}",
                failures.len(),
                failures.join("\n  ")
            ));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}
