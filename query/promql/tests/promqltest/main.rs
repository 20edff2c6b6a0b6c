//! Runs the scripts of Prometheus' own tests from `$GANTRY_CONFORMANCE/promqltest`, by default `../shared/conformance`
//! beside the repository. Without that folder it fails.

mod exempt;
mod load;

use exempt::EXEMPT;
use gantry_model::LabelSet;
use gantry_promql::histogram::all_buckets;
use gantry_promql::memory::Memory;
use gantry_promql::{Answer, Cell, Params, Steps, Value, evaluate};
use gantry_query_lang::promql::Options;
use gantry_query_lang::promql::parse;
use gantry_query_lang::promql::script::{Command, Eval, EvalTime, Expected, Match, parse_script};
use gantry_query_lang::promql::series::{SeriesItem, SeriesValue};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

fn close(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-6 * a.abs().min(b.abs()).max(1e-300)
}

fn same(wanted: &SeriesValue, found: &Cell) -> bool {
    match (wanted, found) {
        (SeriesValue::Omitted, Cell::Empty) => true,
        (SeriesValue::Number(a), Cell::Float(b)) => close(*a, *b),
        (SeriesValue::Histogram(a), Cell::Histogram(b)) => {
            let (one, two) = (all_buckets(&a.histogram), all_buckets(b));
            let (one, two): (Vec<_>, Vec<_>) = (
                one.into_iter().filter(|b| b.count != 0.0).collect(),
                two.into_iter().filter(|b| b.count != 0.0).collect(),
            );
            close(a.histogram.count, b.count)
                && close(a.histogram.sum, b.sum)
                && a.histogram.schema == b.schema
                && a.histogram.custom_bounds == b.custom_bounds
                && close(a.histogram.zero_threshold, b.zero_threshold)
                && one.len() == two.len()
                && one
                    .iter()
                    .zip(&two)
                    .all(|(a, b)| close(a.lower, b.lower) && close(a.upper, b.upper) && close(a.count, b.count))
                && (!a.hint_is_given || a.histogram.reset_hint == b.reset_hint)
        }
        _ => false,
    }
}

fn values(items: &[SeriesItem]) -> Vec<SeriesValue> {
    gantry_promql::memory::values(items).expect("the script is right")
}

/// What is wrong, if anything.
fn judge(eval: &Eval, answer: Result<Answer, String>) -> Result<(), String> {
    let answer = match (answer, &eval.fail) {
        (Err(message), Some(wanted)) if wanted.matches(&message) => return Ok(()),
        (Err(message), Some(wanted)) => return Err(format!("failed with {message:?}, not {wanted:?}")),
        (Err(message), None) => return Err(format!("failed: {message}")),
        (Ok(_), Some(wanted)) => return Err(format!("did not fail with {wanted:?}")),
        (Ok(answer), None) => answer,
    };
    remarks(&answer.annotations.warnings, &eval.warn, eval.no_warn)?;
    remarks(&answer.annotations.infos, &eval.info, eval.no_info)?;
    match (&eval.expected, &answer.value) {
        (Expected::Scalar(wanted), Value::Scalar(found)) if close(*wanted, found[0]) => Ok(()),
        (Expected::String(wanted), Value::String(found)) if wanted == found => Ok(()),
        (Expected::Series(wanted), Value::Vector(found)) => {
            let found = found.iter().map(|one| (&one.labels, one.cells.clone()));
            series(eval, wanted, found.collect())
        }
        (Expected::Series(wanted), Value::Scalar(found)) if matches!(eval.time, EvalTime::Range { .. }) => {
            let empty = LabelSet::default();
            series(eval, wanted, vec![(&empty, found.iter().map(|value| Cell::Float(*value)).collect())])
        }
        (Expected::RangeVector { start, end, step, series: wanted }, Value::Matrix(found)) => {
            let instants: Vec<i64> = (0..).map(|n| start + n * step).take_while(|at| at <= end).collect();
            let at =
                |cells: &[(i64, Cell)], at: i64| cells.iter().find(|c| c.0 == at).map_or(Cell::Empty, |c| c.1.clone());
            let rows = found.iter().map(|(labels, cells)| (labels, instants.iter().map(|t| at(cells, *t)).collect()));
            series(eval, wanted, rows.collect())
        }
        (wanted, found) => Err(format!("wanted {wanted:?}, found {found:?}")),
    }
}

fn remarks(found: &BTreeSet<String>, wanted: &[Match], none: bool) -> Result<(), String> {
    if none && !found.is_empty() {
        return Err(format!("unexpected remarks {found:?}"));
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let stranger = found.iter().find(|text| !wanted.iter().any(|w| w.matches(text)));
    let missing = wanted.iter().find(|w| !found.iter().any(|text| w.matches(text)));
    if stranger.is_some() || missing.is_some() { Err(format!("remarks {found:?}, wanted {wanted:?}")) } else { Ok(()) }
}

type Wanted<'s> = (&'s LabelSet, Vec<SeriesValue>);
type Found<'s> = (&'s LabelSet, Vec<Cell>);

fn series(
    eval: &Eval,
    wanted: &[(LabelSet, Vec<SeriesItem>)],
    mut found: Vec<(&LabelSet, Vec<Cell>)>,
) -> Result<(), String> {
    if !eval.ordered {
        found.sort_by(|a, b| a.0.cmp(b.0));
    }
    let mut wanted: Vec<_> = wanted.iter().map(|(labels, items)| (labels, values(items))).collect();
    wanted.retain(|(_, values)| values.iter().any(|value| *value != SeriesValue::Omitted));
    if !eval.ordered {
        wanted.sort_by(|a, b| a.0.cmp(b.0));
    }
    let fits = |(one, two): (&Wanted<'_>, &Found<'_>)| {
        one.0 == two.0
            && (0..one.1.len().max(two.1.len()))
                .all(|n| same(one.1.get(n).unwrap_or(&SeriesValue::Omitted), two.1.get(n).unwrap_or(&Cell::Empty)))
    };
    if wanted.len() == found.len() && wanted.iter().zip(&found).all(fits) {
        return Ok(());
    }
    let short = |text: String| if text.len() > 1500 { text.chars().take(1500).collect() } else { text };
    Err(format!("wanted {}\n      found  {}", short(format!("{wanted:?}")), short(format!("{found:?}"))))
}

fn run(memory: &Memory, eval: &Eval, params: Params) -> Result<(), String> {
    let answer = parse(&eval.query, Options::ALL).map_err(|error| error.to_string()).and_then(|expr| {
        evaluate(&expr, &eval.query, params, memory, &AtomicBool::new(false)).map_err(|error| error.to_string())
    });
    judge(eval, answer)
}

fn params(steps: Steps, instant: bool) -> Params {
    Params { steps, instant, lookback: 300_000, subquery_step: 60_000, max_samples: 10_000_000, threads: 2 }
}

/// What became of the cases of a script: how many passed, and those that failed: their lines, and why.
#[derive(Debug, Default)]
struct Outcome {
    passed: usize,
    failed: Vec<(String, String)>,
}

fn script(name: &str, text: &str) -> Outcome {
    let mut memory = Memory::default();
    let mut outcome = Outcome::default();
    for command in parse_script(text).expect("the script can be read") {
        match command {
            Command::Clear => memory = Memory::default(),
            Command::Load(load) => load::load(&mut memory, &load, values),
            Command::Eval(eval) => {
                let params = match eval.time {
                    EvalTime::Instant(at) => params(Steps::instant(at), true),
                    EvalTime::Range { start, end, step } => params(Steps { start, end, step }, false),
                };
                match run(&memory, &eval, params) {
                    Ok(()) => outcome.passed += 1,
                    Err(why) => {
                        let line = text.lines().nth(eval.line - 1).expect("cases have a line").trim();
                        outcome
                            .failed
                            .push((line.to_owned(), format!("{name}:{} {}\n      {why}", eval.line, eval.query)));
                    }
                }
            }
        }
    }
    outcome
}

/// All scripts of a folder by name.
fn scripts(folder: &Path) -> Vec<(String, String)> {
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|entry| entry.expect("the folder can be read").path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "test"));
    files.sort();
    assert!(!files.is_empty(), "no scripts in {}", folder.display());
    let named = |path: &PathBuf| path.file_stem().expect("a script has a name").to_string_lossy().into_owned();
    files.iter().map(|path| (named(path), std::fs::read_to_string(path).expect("scripts are text"))).collect()
}

#[test]
fn scripts_of_prometheus_pass_but_for_what_is_listed() {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance"));
    let folder = std::env::var_os("GANTRY_CONFORMANCE").map_or_else(beside, PathBuf::from).join("promqltest");
    let (mut passed, mut failed, mut met) = (0, Vec::new(), BTreeSet::new());
    for (name, text) in scripts(&folder) {
        let outcome = script(&name, &text);
        println!("{name}: {} passed, {} failed", outcome.passed, outcome.failed.len());
        passed += outcome.passed;
        for (line, why) in outcome.failed {
            match EXEMPT.iter().position(|(script, exempt, _)| *script == name && *exempt == line) {
                Some(at) => drop(met.insert(at)),
                None => failed.push(why),
            }
        }
    }
    assert!(failed.is_empty(), "{} of {} failed:\n{}", failed.len(), passed + failed.len(), failed.join("\n"));
    let unmet: Vec<_> = (0..EXEMPT.len()).filter(|at| !met.contains(at)).map(|at| EXEMPT[at]).collect();
    assert!(unmet.is_empty(), "listed, but nothing there fails: {unmet:#?}");
}

#[test]
fn own_scripts_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let outcomes = scripts(&folder).into_iter().map(|(name, text)| script(&name, &text));
    let failed: Vec<String> = outcomes.flat_map(|outcome| outcome.failed).map(|(_, why)| why).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
