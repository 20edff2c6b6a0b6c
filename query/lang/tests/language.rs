//! What queries mean, as trees.

use gantry_query_lang::ast::*;
use gantry_query_lang::{TemplateCheck, parse, parse_with};

fn log(query: &str) -> LogExpr {
    match parse(query) {
        Ok(Expr::Log(log)) => log,
        other => panic!("{query}: {other:?}"),
    }
}

fn metric(query: &str) -> MetricExpr {
    match parse(query) {
        Ok(Expr::Metric(metric)) => metric,
        other => panic!("{query}: {other:?}"),
    }
}

fn range(query: &str) -> RangeAggregation {
    match metric(query) {
        MetricExpr::Range(range) => range,
        other => panic!("{query}: {other:?}"),
    }
}

fn printed(query: &str) -> String {
    parse(query).map_or_else(|e| e.to_string(), |tree| tree.to_string())
}

#[test]
fn alternatives_belong_to_the_line_filter_before_them() {
    let stages = log(r#"{a="b"} != "x" or "y" or ip("10.0.0.0/8") |~ `z+`"#).stages;
    let alternatives = vec![
        LineAlternative::Text("x".into()),
        LineAlternative::Text("y".into()),
        LineAlternative::Ip("10.0.0.0/8".into()),
    ];
    let first = LineFilterExpr { op: LineFilterOp::NotContains, alternatives };
    let second = LineFilterExpr { op: LineFilterOp::Matches, alternatives: vec![LineAlternative::Text("z+".into())] };
    assert_eq!(stages, [Stage::LineFilter(first), Stage::LineFilter(second)]);
}

#[test]
fn and_binds_tighter_than_or_in_label_filters() {
    assert_eq!(printed(r#"{a="b"} | x="1" or y="2" and z="3""#), r#"{a="b"} | ( x="1" or ( y="2" , z="3" ) )"#);
    assert_eq!(printed(r#"{a="b"} | (x="1" or y="2") z="3""#), r#"{a="b"} | ( ( x="1" or y="2" ) , z="3" )"#);
}

#[test]
fn the_literal_decides_how_a_label_is_compared() {
    let stages = log(r#"{a="b"} | a > 1.5 | b <= 1h30m | c = 2KiB | d != ip("::1") | e = "5" | f > -10s"#).stages;
    let label = |name: &str| name.to_string();
    let filters: Vec<Stage> = [
        LabelFilter::Number { label: label("a"), op: CompareOp::Gt, value: 1.5 },
        LabelFilter::Duration { label: label("b"), op: CompareOp::Lte, nanos: 5_400_000_000_000 },
        LabelFilter::Bytes { label: label("c"), op: CompareOp::Eq, bytes: 2048 },
        LabelFilter::Ip { label: label("d"), op: IpOp::NotEq, pattern: "::1".into() },
    ]
    .map(Stage::LabelFilter)
    .into();
    assert_eq!(stages[..4], filters);
    assert!(matches!(&stages[4], Stage::LabelFilter(LabelFilter::Matcher(m)) if m.value == "5"));
    assert!(matches!(&stages[5], Stage::LabelFilter(LabelFilter::Duration { nanos: -10_000_000_000, .. })));
}

#[test]
fn functions_are_plain_words_where_nothing_is_called() {
    let stages = log(r#"{sum="b"} | json rate="x", ip | count > 5 | label_format max=min"#).stages;
    assert_eq!(stages.len(), 3);
    assert_eq!(
        printed(r#"SUM BY (count) (Rate({a="b"} | LOGFMT [5m]))"#),
        r#"sum by (count)(rate({a="b"} | logfmt[5m]))"#
    );
}

#[test]
fn the_range_may_stand_before_or_after_the_pipeline() {
    let after = range(r#"sum_over_time({a="b"} | logfmt | unwrap duration(t) | t > 1 [5m] offset -1h)"#);
    let before = range(r#"sum_over_time({a="b"} [5m] offset -1h | logfmt | unwrap duration(t) | t > 1)"#);
    assert_eq!(after, before);
    assert_eq!(after, range(r#"sum_over_time(({a="b"} | logfmt | unwrap duration(t) | t > 1)[5m] offset -1h)"#));
    assert_eq!((after.range_nanos, after.offset_nanos), (300_000_000_000, -3_600_000_000_000));
    let unwrap = after.unwrap.expect("it unwraps");
    assert_eq!((unwrap.conversion, unwrap.filters.len()), (Some(UnwrapConversion::Duration), 1));
}

#[test]
fn operators_bind_as_in_arithmetic_and_associate_to_the_left_but_for_powers() {
    let v = |n: u32| format!("vector({n}.000000)");
    let (a, b, c) = (v(1), v(2), v(3));
    let all = |op: &str, op2: &str| printed(&format!("vector(1) {op} vector(2) {op2} vector(3)"));
    assert_eq!(all("+", "*"), format!("({a} + ({b} * {c}))"));
    assert_eq!(all("-", "-"), format!("(({a} - {b}) - {c})"));
    assert_eq!(all("^", "^"), format!("({a} ^ ({b} ^ {c}))"));
    assert_eq!(all("or", "unless"), format!("({a} or ({b} unless {c}))"));
    assert_eq!(all("> bool", "+"), format!("({a} > bool ({b} + {c}))"));
}

#[test]
fn literals_are_computed_while_parsing() {
    for (query, value) in
        [("2 ^ 3 ^ 2", 512.0), ("-1 ^ 2", 1.0), ("1 > bool 2", 0.0), ("2 * 3 % 4", 2.0), (".5 + 1e1", 10.5)]
    {
        assert_eq!(metric(query), MetricExpr::Literal(value), "{query}");
    }
}

#[test]
fn a_broken_operation_keeps_its_meaning() {
    let long = |n: u32| format!(r#"sum by (label) (rate({{application="{}", n="{n}"}}[5m]))"#, "x".repeat(60));
    let query = format!("({} + {}) * {}", long(1), long(2), long(3));
    let tree = parse(&query).expect("it parses");
    let pretty = tree.pretty();
    assert!(pretty.starts_with("  (\n"), "{pretty}");
    assert_eq!(parse(&pretty), Ok(tree));
}

#[test]
fn what_does_not_fit_a_line_is_broken_at_stages_and_arguments() {
    let long = "x".repeat(80);
    let query = format!(
        r#"max(quantile_over_time(0.5, {{a="b"}} |= "{long}" != "y" | json | unwrap z [5m] offset 1h)) by (c)"#
    );
    let expected = [
        "max by (c)(",
        "  quantile_over_time(",
        "    0.5,",
        r#"    {a="b"}"#,
        &format!(r#"      |= "{long}" != "y""#),
        "      | json",
        "      | unwrap z [5m] offset 1h",
        "  )",
        ")",
    ];
    let pretty = parse(&query).expect("it parses").pretty();
    assert_eq!(pretty, expected.join("\n"));
    assert_eq!(parse(&pretty), parse(&query));
}

#[test]
fn negative_matchers_select_only_when_the_empty_value_fails() {
    assert!(parse(r#"{a!=""}"#).is_ok());
    assert!(parse(r#"{a!~".*"}"#).is_ok());
    assert!(parse(r#"{a!="x", b=~"y*"}"#).is_err());
}

struct NoBraces;

impl TemplateCheck for NoBraces {
    fn line(&self, template: &str) -> Result<(), String> {
        if template.contains("{{") { Err("template: line:1: no".into()) } else { Ok(()) }
    }

    fn label(&self, template: &str) -> Result<(), String> {
        if template.contains("{{") { Err("template: label:1: no".into()) } else { Ok(()) }
    }
}

#[test]
fn templates_are_checked_by_whoever_knows_them() {
    let refusal = |query: &str| parse_with(query, &NoBraces).expect_err("it is refused").to_string();
    assert_eq!(
        refusal(r#"{a="b"} | line_format "{{""#),
        r#"parse error : stage '| line_format "{{"' : invalid line template: template: line:1: no"#
    );
    assert_eq!(
        refusal(r#"{a="b"} | label_format c=d,e="{{""#),
        r#"parse error : stage '| label_format c=d,e="{{"' : invalid template for label 'e': template: label:1: no"#
    );
}

#[test]
fn of_several_faults_the_outermost_counts() {
    assert_eq!(printed(r#"sum(5, rate({}[5m]) by (a))"#), "parse error : unsupported parameter for operation sum(5,");
    assert_eq!(
        printed(r#"{a="b"} |= "x" !~ "[" | json"#),
        r#"parse error : stage '|= "x" !~ "["' : error parsing regexp: missing closing ]: `[`"#
    );
}
