use super::*;
use crate::{EvalError, Labels, Options};
use gantry_model::{LabelSet, MatchOp, Matcher, Selector};
use gantry_query_lang::ast::*;

fn leaf(op: RangeOp, range_nanos: i64, unwrap: Option<&str>) -> RangeAggregation {
    let selector = Selector(vec![Matcher::new("app", MatchOp::Eq, "x").unwrap()]);
    let stages = vec![Stage::Logfmt { strict: false, keep_empty: false, extractions: vec![] }];
    let unwrap = unwrap.map(|label| Unwrap { label: label.into(), conversion: None, filters: vec![] });
    let log = LogExpr { selector, stages };
    RangeAggregation { op, param: Some(0.5), log, unwrap, range_nanos, offset_nanos: 0, grouping: None }
}

const STEPS: Steps = Steps { start: 10, end: 30, step: 10 };

/// Lines `v=1` to `v=4` at 5, 10, 11 and 25, the odd ones in one collector and the even ones in another.
fn run(range: &RangeAggregation) -> Result<Vec<Option<f64>>, EvalError> {
    let grouping = Grouping { without: false, labels: vec!["app".into()] };
    let leaf = Leaf { range, grouping: Some(&grouping) };
    let query = RangeQuery::compile(&leaf, Options::default())?;
    let mut scratch = query.pipeline().scratch();
    let mut stream = query.pipeline().stream(&mut scratch, &LabelSet::from_pairs([("app", "x")]));
    let mut collectors = [query.aggregator(STEPS, 10), query.aggregator(STEPS, 10)];
    for (at, value) in [(5, 1), (10, 2), (11, 3), (25, 4)] {
        let body = format!("v={value}");
        query.add(&mut collectors[value % 2], &mut scratch, &mut stream, at, &body, "")?;
    }
    let [mut all, other] = collectors;
    all.merge(other)?;
    let table = all.finish();
    assert!(table.series.iter().all(|series| series.labels == Labels::from_iter([("app", "x")])));
    Ok(table.series.into_iter().next().map_or(vec![], |series| series.points))
}

#[test]
fn a_window_ends_with_its_step_and_begins_after_its_start() {
    let count = |range| run(&leaf(RangeOp::CountOverTime, range, None)).unwrap();
    assert_eq!(count(10), [Some(2.0), Some(1.0), Some(1.0)]);
    assert_eq!(count(20), [Some(2.0), Some(3.0), Some(2.0)]);
    assert_eq!(count(1), [Some(1.0), None, None]);
}

#[test]
fn an_offset_moves_the_window_back() {
    let mut range = leaf(RangeOp::CountOverTime, 10, None);
    range.offset_nanos = 10;
    assert_eq!(run(&range).unwrap(), [None, Some(2.0), Some(1.0)]);
}

#[test]
fn unwrapped_values_are_summed_up_per_step() {
    let over = |op| run(&leaf(op, 20, Some("v"))).unwrap();
    assert_eq!(over(RangeOp::SumOverTime), [Some(3.0), Some(6.0), Some(7.0)]);
    assert_eq!(over(RangeOp::AvgOverTime), [Some(1.5), Some(2.0), Some(3.5)]);
    assert_eq!(over(RangeOp::MinOverTime), [Some(1.0), Some(1.0), Some(3.0)]);
    assert_eq!(over(RangeOp::LastOverTime), [Some(2.0), Some(3.0), Some(4.0)]);
    assert_eq!(over(RangeOp::StdvarOverTime), [Some(0.25), Some(2.0 / 3.0), Some(0.25)]);
    assert_eq!(over(RangeOp::QuantileOverTime), [Some(1.5), Some(2.0), Some(3.5)]);
}

#[test]
fn absence_has_the_labels_of_the_selector() {
    assert_eq!(run(&leaf(RangeOp::AbsentOverTime, 1, None)).unwrap(), [None, Some(1.0), Some(1.0)]);
}

#[test]
fn a_value_that_is_no_number_fails_the_query() {
    let error = run(&leaf(RangeOp::SumOverTime, 20, Some("app"))).unwrap_err();
    assert!(error.to_string().starts_with("pipeline error: 'SampleExtractionErr' for series: '{__error__="), "{error}");
}

fn table(series: &[(&[(&str, &str)], f64)]) -> Table {
    let one = |(labels, value): &(&[(&str, &str)], f64)| Series {
        labels: labels.iter().copied().collect(),
        points: vec![Some(*value)],
    };
    Table::new(series.iter().map(one).collect())
}

fn binary(op: BinaryOp, matching: VectorMatching) -> Result<Evaluated, EvalError> {
    let side = |op| Box::new(MetricExpr::Range(leaf(op, 1, None)));
    let (lhs, rhs) = (side(RangeOp::CountOverTime), side(RangeOp::Rate));
    let expr = MetricExpr::Binary(BinaryExpr { op, lhs, rhs, return_bool: false, matching: Some(matching) });
    evaluate(&expr, Steps::instant(1), &mut |leaf| {
        Ok(match leaf.range.op {
            RangeOp::CountOverTime => table(&[(&[("a", "1"), ("b", "1")], 6.0), (&[("a", "1"), ("b", "2")], 8.0)]),
            _ => table(&[(&[("a", "1"), ("c", "z")], 2.0)]),
        })
    })
}

#[test]
fn many_series_may_share_a_partner_when_told_so() {
    let mut matching = VectorMatching {
        on: true,
        labels: vec!["a".into()],
        cardinality: VectorCardinality::ManyToOne,
        include: vec!["c".into()],
    };
    let want = table(&[(&[("a", "1"), ("b", "1"), ("c", "z")], 3.0), (&[("a", "1"), ("b", "2"), ("c", "z")], 4.0)]);
    assert_eq!(binary(BinaryOp::Div, matching.clone()), Ok(Evaluated::Table(want)));
    matching.cardinality = VectorCardinality::OneToOne;
    assert!(binary(BinaryOp::Div, matching.clone()).is_err());
    let kept = binary(BinaryOp::And, matching).unwrap();
    assert!(matches!(kept, Evaluated::Table(table) if table.series.len() == 2));
}

#[test]
fn a_chain_without_end_is_refused() {
    let one = || Box::new(MetricExpr::VectorLiteral(1.0));
    let mut expr = MetricExpr::VectorLiteral(1.0);
    for _ in 0..2 * gantry_query_lang::MAX_NESTING {
        let sum = BinaryExpr { op: BinaryOp::Add, lhs: Box::new(expr), rhs: one(), return_bool: false, matching: None };
        expr = MetricExpr::Binary(sum);
    }
    assert!(evaluate(&expr, Steps::instant(1), &mut |_| Ok(Table::default())).is_err());
}
