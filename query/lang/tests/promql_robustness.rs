//! PromQL that nobody would write, and text that is none: nothing panics, and what is printed means what was read.

use gantry_query_lang::promql::ast::Expr;
use gantry_query_lang::promql::script::parse_script;
use gantry_query_lang::promql::series::parse_series;
use gantry_query_lang::promql::{Options, parse, parse_labels, parse_selector};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

/// The tree without places. Printing sorts matchers and may put a duration into parentheses or a plus before it.
fn meaning(expr: &Expr) -> Value {
    fn sort(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::Array(matchers)) = fields.get_mut("matchers") {
                    matchers.sort_by_key(Value::to_string);
                }
                fields.remove("wrapped");
                fields.iter_mut().for_each(|(_, field)| sort(field));
                let is_plus = fields.get("op").is_some_and(|op| op == "+") && fields.get("lhs") == Some(&Value::Null);
                if let Some(rhs) = fields.get("rhs").filter(|_| is_plus).cloned() {
                    *value = rhs;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(sort),
            _ => {}
        }
    }
    let mut json = expr.to_json();
    sort(&mut json);
    json
}

fn survives_printing(text: &str) -> Result<(), TestCaseError> {
    let Ok(expr) = parse(text, Options::ALL) else { return Ok(()) };
    let printers: [fn(&Expr) -> String; 2] = [Expr::to_string, Expr::pretty];
    for print in printers {
        let printed = print(&expr);
        let again = parse(&printed, Options::ALL);
        let again = again.map_err(|error| TestCaseError::fail(format!("{text:?} became {printed:?}: {error}")))?;
        prop_assert_eq!(meaning(&again), meaning(&expr), "{:?} became {:?}", text, &printed);
        prop_assert_eq!(print(&again), printed, "{:?}", text);
    }
    Ok(())
}

fn name() -> impl Strategy<Value = String> {
    select(vec!["up", "a:b", "sum", "and", "by", "offset", "fill", "start", "step", "without", "max_of", "anchored"])
        .prop_map(str::to_owned)
}

fn label() -> impl Strategy<Value = String> {
    select(vec!["a", "le", "by", "on", "\"inf\"", "\"without\"", "\"x.y\"", "'é'", "atan2", "a:b"])
        .prop_map(str::to_owned)
}

fn matchers() -> impl Strategy<Value = String> {
    let key = select(vec!["a", "by", "\"my.label\"", "sum"]);
    let op = select(vec!["=", "!=", "=~", "!~"]);
    let value = select(vec!["\"\"", "'x'", "`a|b`", "\"\\\"\\n\\u00e9\"", "'.+'"]);
    let one = (key, op, value).prop_map(|(key, op, value)| format!("{key}{op}{value}"));
    prop::collection::vec(one, 0..3).prop_map(|all| format!("{{{}}}", all.join(",")))
}

fn number() -> impl Strategy<Value = String> {
    let fixed = select(vec!["0", "1.5", "0x1f", "Inf", "NaN", "1e300", "5m", "1h30m1ms", "1_000", "017"]);
    prop_oneof![fixed.prop_map(str::to_owned), any::<u32>().prop_map(|n| (f64::from(n) / 1e3).to_string())]
}

fn duration() -> impl Strategy<Value = String> {
    let leaf = select(vec!["5m", "1.5", "0.0001", "step()", "range()", "1y2w", "3ms", "(7)"]).prop_map(str::to_owned);
    leaf.prop_recursive(3, 8, 2, |inner| {
        let op = select(vec!["+", "-", "*", "/", "%", "^"]);
        prop_oneof![
            (inner.clone(), op, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            inner.clone().prop_map(|a| format!("-{a}")),
            inner.clone().prop_map(|a| format!("+{a}")),
            inner.clone().prop_map(|a| format!("({a})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("max_of({a}, {b})")),
        ]
    })
}

fn modifiers() -> impl Strategy<Value = String> {
    let at = select(vec!["", "", " @ 5", " @ -1.5e3", " @ start()", " @ end()"]);
    let offset = prop_oneof![Just(String::new()), duration().prop_map(|d| format!(" offset {d}"))];
    let extension = select(vec!["", "", " anchored", " smoothed"]);
    (at, offset, extension).prop_map(|(at, offset, extension)| format!("{at}{offset}{extension}"))
}

fn vector() -> impl Strategy<Value = String> {
    let selector = prop_oneof![name(), matchers(), (name(), matchers()).prop_map(|(n, m)| n + &m)];
    let leaf = (selector, modifiers()).prop_map(|(selector, modifiers)| selector + &modifiers);
    leaf.boxed().prop_recursive(5, 40, 4, |inner| {
        let ops = select(vec![
            "+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<=", "== bool", "and", "or", "unless", "</", ">/",
        ]);
        let matching = (label(), label(), select(vec!["", " group_left", " group_right ()"]));
        let matching = prop_oneof![
            Just(String::new()),
            matching.prop_map(|(a, b, side)| format!(" on ({a}, {b}){side}")),
            label().prop_map(|a| format!(" ignoring ({a}) fill (-5)")),
            Just(" fill_right (1) fill_left (NaN)".to_owned()),
        ];
        let group =
            (select(vec!["by", "without"]), label(), label()).prop_map(|(by, a, b)| format!(" {by} ({a}, {b}) "));
        prop_oneof![
            (inner.clone(), ops, matching, inner.clone()).prop_map(|(a, op, m, b)| format!("{a} {op}{m} {b}")),
            (number(), select(vec!["+", "^", "> bool"]), inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            (inner.clone(), number()).prop_map(|(a, b)| format!("{a} * {b}")),
            (select(vec!["-", "+", "- -"]), inner.clone()).prop_map(|(sign, a)| format!("{sign}{a}")),
            inner.clone().prop_map(|a| format!("({a})")),
            (group, inner.clone()).prop_map(|(by, a)| format!("sum{by}({a})")),
            (number(), inner.clone(), label()).prop_map(|(k, a, l)| format!("topk({k}, {a}) by ({l})")),
            (inner.clone(), duration(), duration(), modifiers())
                .prop_map(|(a, range, step, at)| format!("max_over_time(({a})[{range}:{step}]{at})")),
            (name(), matchers(), duration(), modifiers()).prop_map(|(n, m, d, at)| format!("rate({n}{m}[{d}]{at})")),
            inner.prop_map(|a| format!("label_replace({a}, 'x', \"$1\", `y`, '(.*)')")),
        ]
    })
}

const WORDS: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "[5m]",
    "[5m:]",
    ":",
    "a",
    "up",
    "a:b",
    "=",
    "=~",
    "!~",
    "!=",
    "==",
    ",",
    "\"x\"",
    "'y'",
    "`z`",
    "\"(\"",
    "5",
    "1.5",
    "0x",
    "5m",
    "-",
    "+",
    "*",
    "/",
    "%",
    "^",
    "<",
    "</",
    ">/",
    ">=",
    "@",
    "start",
    "end()",
    "step()",
    "range",
    "max_of(",
    "min_of",
    "offset",
    "anchored",
    "smoothed",
    "sum",
    "topk",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "fill",
    "bool",
    "and",
    "or",
    "unless",
    "atan2",
    "rate(",
    "info(",
    "Inf",
    "NaN",
    "# c\n",
    "é",
];

proptest! {
    #[test]
    fn what_is_printed_means_what_was_read(text in vector()) {
        survives_printing(&text)?;
    }

    #[test]
    fn words_in_any_order_do_no_harm(words in prop::collection::vec(select(WORDS), 0..20)) {
        survives_printing(&words.join(" "))?;
        survives_printing(&words.concat())?;
    }

    #[test]
    fn text_of_any_kind_does_no_harm(text in ".{0,60}") {
        survives_printing(&text)?;
        let _ = (parse_selector(&text), parse_labels(&text), parse_series(&text), parse_script(&text));
    }

    #[test]
    fn series_of_any_kind_do_no_harm(
        words in prop::collection::vec(
            select(vec!["a", "{b=\"c\"}", " ", "1", "+", "-", "x", "_", "stale", "{{", "}}", "sum:", "buckets:[", "]", "NaN", "9e", "."]),
            0..20,
        ),
    ) {
        let text = words.concat();
        let _ = (parse_series(&text), parse_script(&format!("load 1m\n{text}\neval instant at 0 a\n{text}")));
    }
}

/// How often the strategy above makes queries that parse: a test of refusals only would say nothing.
#[test]
fn most_generated_queries_are_legal() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let legal = |text: &String| parse(text, Options::ALL).is_ok();
    let texts = (0..500).map(|_| vector().new_tree(&mut runner).map(|tree| tree.current()).unwrap_or_default());
    let count = texts.filter(legal).count();
    assert!(count > 100, "{count} of 500");
}
