//! What PromQL means to the parser: trees, shown as text, and refusals in Prometheus' words.

use gantry_query_lang::promql::ast::{At, BinaryExpr, Duration, Expr};
use gantry_query_lang::promql::script::{Command, parse_script};
use gantry_query_lang::promql::{Options, parse, parse_labels, parse_metric, parse_selector};
use serde_json::{Value, json};
use std::path::PathBuf;

fn printed(query: &str) -> String {
    parse(query, Options::ALL).unwrap_or_else(|error| panic!("{query}: {error}")).to_string()
}

fn refused(query: &str) -> String {
    match parse(query, Options::ALL) {
        Ok(expr) => panic!("{query} is {expr}"),
        Err(error) => error.to_string(),
    }
}

/// The tree with every operation in parentheses.
fn grouped(expr: &Expr) -> String {
    match expr {
        Expr::Binary(BinaryExpr { op, lhs, rhs, .. }) => {
            format!("({} {} {})", grouped(lhs), op.as_str(), grouped(rhs))
        }
        Expr::Unary(unary) => format!("({}{})", if unary.negative { '-' } else { '+' }, grouped(&unary.expr)),
        other => other.to_string(),
    }
}

fn tree(query: &str) -> String {
    grouped(&parse(query, Options::ALL).unwrap_or_else(|error| panic!("{query}: {error}")))
}

#[test]
fn operators_bind_as_in_prometheus() {
    assert_eq!(tree("a + b * c ^ d ^ e"), "(a + (b * (c ^ (d ^ e))))");
    assert_eq!(tree("a - b - c"), "((a - b) - c)");
    assert_eq!(tree("a or b and c unless d"), "(a or ((b and c) unless d))");
    assert_eq!(tree("a + b > c and d"), "(((a + b) > c) and d)");
    assert_eq!(tree("a % b atan2 c / d"), "(((a % b) atan2 c) / d)");
    assert_eq!(tree("-a ^ b * c"), "((-(a ^ b)) * c)");
    assert_eq!(tree("a ^ -b ^ c + d"), "((a ^ (-(b ^ c))) + d)");
    assert_eq!(tree("-1 ^ 2"), "(-(1 ^ 2))");
    assert_eq!(tree("a </ 5 + b >/ c"), "((a </ (5 + b)) >/ c)");
}

#[test]
fn modifiers_bind_more_strongly_than_operators() {
    assert_eq!(tree("-a offset 5m"), "(-a offset 5m)");
    assert_eq!(tree("a ^ b offset 5m + 3"), "((a ^ b offset 5m) + 3)");
    assert_eq!(tree("a offset -2^2"), "(a offset -2s ^ 2)");
    assert_eq!(tree("a offset (2 + 1) * 3"), "a offset (2 + 1) * 3");
    assert_eq!(tree("a @ 5 + b"), "(a @ 5.000 + b)");
}

#[test]
fn words_name_metrics_and_labels_where_prometheus_lets_them() {
    assert_eq!(printed("sum + and + by"), "sum + and + by");
    assert_eq!(printed("sum (by) by (sum, on, offset)"), "sum by (sum, on, offset) (by)");
    assert_eq!(printed("start + step + fill"), "start + step + fill");
    assert_eq!(printed("fill + fill (0) fill_left"), "fill + fill (0) fill_left");
    assert_eq!(printed("SUM BY (a) (b)"), "sum by (a) (b)");
    assert_eq!(refused("on"), "1:1: parse error: unexpected <on>");
    assert_eq!(
        refused("sum by (without) (a)"),
        "1:9: parse error: unexpected <without> in grouping opts, expected label"
    );
}

#[test]
fn names_may_be_quoted() {
    let printing = [
        (r#"{"my.metric", "a.b"="x", c!="y"}"#, r#"{"a.b"="x",__name__="my.metric",c!="y"}"#),
        (r#"sum by ("a.b", c) (up)"#, r#"sum by ("a.b", c) (up)"#),
        (r#"a + on ("x-y") group_left ("z") b"#, r#"a + on ("x-y") group_left (z) b"#),
    ];
    for (query, text) in printing {
        assert_eq!(printed(query), text);
    }
}

#[test]
fn strings_need_not_be_utf8() {
    let Expr::String(string) = parse(r"'a\xc5z\'é'", Options::ALL).unwrap() else { panic!("a string") };
    assert_eq!((string.value.as_str(), string.quoted().as_str()), ("a\u{fffd}z'é", r#""a\xc5z'é""#));
    assert_eq!(string.invalid.as_deref(), Some(b"a\xc5z'\xc3\xa9".as_slice()));
    assert_eq!(printed(r#"count_values("a\xc5z", b)"#), r#"count_values("a\xc5z", b)"#);
}

#[test]
fn numbers_and_durations_are_interchangeable() {
    assert_eq!(printed("0x1F + 1_000 + .5 + 010"), "31 + 1000 + 0.5 + 8");
    assert_eq!(printed("-Inf + nan"), "-Inf + NaN");
    assert_eq!(printed("5m + 90s"), "5m + 1m30s");
    assert_eq!(printed("a[300] offset 60.5"), "a[5m] offset 1m500ms");
    assert_eq!(printed("a[1h:30] @ 1m"), "a[1h:30s] @ 60.000");
}

#[test]
fn durations_are_expressions() {
    assert_eq!(printed("a[5m * 2 + step()]"), "a[5m * 2 + step()]");
    assert_eq!(printed("a[(1m)]"), "a[(1m)]");
    assert_eq!(printed("a[step():range() / 2]"), "a[step():range() / 2]");
    assert_eq!(printed("a[max_of(step(), 5m)] offset -min_of(1, 2)"), "a[max_of(step(), 5m)] offset -min_of(1, 2)");
    assert_eq!(printed("a offset -step()"), "a offset -step()");
    assert_eq!(refused("a[5m / 0]"), "1:6: parse error: division by zero");
    assert_eq!(refused("a[5m % 0]"), "1:6: parse error: modulo by zero");
    assert_eq!(refused("a[-5m]"), "1:3: parse error: duration must be greater than 0");
    assert_eq!(refused("a[1e10]"), "1:3: parse error: duration out of range");
}

#[test]
fn selectors_know_time() {
    let Expr::Vector(vector) = parse("a @ 1.5 offset -5m", Options::ALL).unwrap() else { panic!("a vector") };
    assert_eq!((vector.at, vector.offset), (Some(At::Timestamp(1500)), Some(Duration::Nanos(-300_000_000_000))));
    assert_eq!(printed("a[5m] offset 1m @ end()"), "a[5m] @ end() offset 1m");
    assert_eq!(printed("a anchored[5m]"), "a[5m] anchored");
    assert_eq!(printed("rate(b[5m] smoothed offset 1m)"), "rate(b[5m] smoothed offset 1m)");
    assert_eq!(printed("sum(a)[5m:] offset 1m"), "sum(a)[5m:] offset 1m");
}

#[test]
fn what_cannot_be_read_is_refused_at_its_place() {
    let cases = [
        ("", "unknown position: parse error: no expression found in input"),
        ("  # nothing", "1:1: parse error: no expression found in input"),
        ("a b", "1:3: parse error: unexpected identifier \"b\""),
        ("a +", "1:4: parse error: unexpected end of input"),
        ("1 +\n* 2", "2:1: parse error: unexpected <op:*>"),
        ("sum(a b)", "1:7: parse error: unexpected identifier \"b\" in aggregation"),
        ("sum by a (b)", "1:8: parse error: unexpected identifier \"a\" in grouping opts, expected \"(\""),
        (
            "sum by (a b) (c)",
            "1:11: parse error: unexpected identifier \"b\" in grouping opts, expected \",\" or \")\"",
        ),
        ("a + on (b) group_left > c", "1:23: parse error: unexpected <op:>> in grouping opts, expected \"(\""),
        ("{a}", "1:3: parse error: unexpected \"}\" in label matching, expected label matching operator"),
        ("{a=b}", "1:4: parse error: unexpected identifier \"b\" in label matching, expected string"),
        ("{a=\"b\" c}", "1:8: parse error: unexpected identifier \"c\" in label matching, expected \",\" or \"}\""),
        ("{,}", "1:2: parse error: unexpected \",\" in label matching, expected identifier or \"}\""),
        (
            "a offset",
            "1:9: parse error: unexpected end of input in offset, expected number, duration, step(), or range()",
        ),
        ("a @ b", "1:5: parse error: unexpected identifier \"b\" in @, expected timestamp"),
        (
            "a[]",
            "1:3: parse error: unexpected \"]\" in subquery or range selector, expected number, duration, step(), or range()",
        ),
        ("a[5m 5m]", "1:6: parse error: unexpected duration \"5m\" in subquery or range, expected \":\" or \"]\""),
        ("a[5m:5m 5m]", "1:9: parse error: unexpected duration \"5m\" in subquery selector, expected \"]\""),
        ("rate(a[5m],)", "1:11: parse error: trailing commas not allowed in function call args"),
        ("nope(a)", "1:1: parse error: unknown function with name \"nope\""),
        ("a{b=~\"(\"}", "1:3: parse error: error parsing regexp: missing closing ): `(`"),
    ];
    for (query, error) in cases {
        assert_eq!(refused(query), error, "{query:?}");
    }
}

#[test]
fn what_cannot_mean_anything_is_refused() {
    let cases = [
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("{a=~\".*\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("a{__name__=\"b\"}", "1:1: parse error: metric name must not be set twice: \"a\" or \"b\""),
        ("rate(a)", "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"),
        ("rate()", "1:1: parse error: expected 1 argument(s) in call to \"rate\", got 0"),
        ("label_join(a)", "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", got 1"),
        ("round(a, 1, 2)", "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3"),
        ("sum(1)", "1:5: parse error: expected type instant vector in aggregation expression, got scalar"),
        ("topk(a, b)", "1:6: parse error: expected type scalar in aggregation parameter, got instant vector"),
        ("topk(a)", "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1"),
        ("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators"),
        ("a and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"),
        ("a + on (b) 1", "1:1: parse error: vector matching only allowed between instant vectors"),
        ("a and on (b) group_left c", "1:1: parse error: no grouping allowed for \"and\" operation"),
        ("a + on (b) group_left (b) c", "1:3: parse error: label \"b\" must not occur in ON and GROUP clause at once"),
        ("a + \"b\"", "1:5: parse error: binary expression must contain only scalar and instant vector types"),
        (
            "-\"a\"",
            "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got \"string\"",
        ),
        ("a[5m][5m:]", "1:1: parse error: subquery is only allowed on instant vector, got matrix instead"),
        ("sum(a)[5m]", "1:7: parse error: ranges only allowed for vector selectors"),
        ("a offset 5m[5m]", "1:12: parse error: no offset modifiers allowed before range"),
        ("a offset 5m offset 5m", "1:1: parse error: offset may not be set multiple times"),
        ("info(a, b)", "1:9: parse error: expected label selectors only, got vector selector instead"),
        (
            "1 offset 5m",
            "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        ),
    ];
    for (query, error) in cases {
        assert_eq!(refused(query), error, "{query:?}");
    }
}

#[test]
fn experimental_parts_can_be_left_out() {
    let refused = |query| parse(query, Options::default()).unwrap_err().to_string();
    assert_eq!(refused("info(a)"), "1:1: parse error: function \"info\" is not enabled");
    assert_eq!(refused("a[5m * 2]"), "1:3: parse error: experimental duration expression is not enabled");
    assert_eq!(refused("a[5m] anchored"), "1:1: parse error: anchored modifier is experimental and not enabled");
    assert_eq!(refused("a + fill (0) b"), "1:1: parse error: binop fill modifiers are experimental and not enabled");
    assert!(refused("limitk(1, a)").contains("limitk() is experimental and must be enabled with"));
}

#[test]
fn depth_and_length_are_bounded() {
    let deep = format!("{}a{}", "(".repeat(100_000 / 2), ")".repeat(100_000 / 2));
    assert!(refused(&deep).contains("nested too deeply (at most 256 levels)"));
    assert!(refused(&format!("a{}", " + a".repeat(300))).contains("nested too deeply"));
    assert!(refused(&"-".repeat(1000)).contains("nested too deeply"));
    assert!(refused(&format!("a[1{}]", " + 1".repeat(300))).contains("nested too deeply"));
    assert!(refused(&"a".repeat(200_000)).contains("query is too long"));
    assert_eq!(printed(&format!("a{}", " + a".repeat(200))).len(), 1 + 4 * 200);
}

#[test]
fn selectors_and_labels_can_be_read_alone() {
    assert_eq!(parse_selector("up{a=\"b\"}").unwrap().0.len(), 2);
    assert_eq!(parse_selector("{}").unwrap().0.len(), 0);
    assert!(parse_selector("up + 1").is_err());
    let (labels, end) = parse_labels(r#"up{a="b", "c.d"='e', x=""} 1 2"#).unwrap();
    assert_eq!((labels.get("__name__"), labels.get("c.d"), labels.get("x")), (Some("up"), Some("e"), None));
    assert_eq!(end, 26);
    assert_eq!(parse_metric("up").unwrap().len(), 1);
    let error = parse_metric("up{a=\"b\"} 1").unwrap_err().to_string();
    assert_eq!(error, "1:11: parse error: unexpected number \"1\"");
}

/// The tree without places; printing sorts matchers.
fn meaning(expr: &Expr) -> Value {
    fn sort(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::Array(matchers)) = fields.get_mut("matchers") {
                    matchers.sort_by_key(Value::to_string);
                }
                fields.iter_mut().for_each(|(_, field)| sort(field));
            }
            Value::Array(items) => items.iter_mut().for_each(sort),
            _ => {}
        }
    }
    let mut json = expr.to_json();
    sort(&mut json);
    json
}

/// Prometheus' own scripts: `promqltest` under the directory that `GANTRY_CONFORMANCE` names, else under the shared
/// directory beside the checkout. Missing data is a failure.
#[test]
fn prometheus_scripts_can_be_read_and_their_queries_survive_printing() {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
    let root = std::env::var_os("GANTRY_CONFORMANCE").map_or_else(beside, PathBuf::from);
    let files = std::fs::read_dir(root.join("promqltest")).expect("GANTRY_CONFORMANCE names the conformance data");
    let mut queries = 0;
    for entry in files {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "test") {
            continue;
        }
        let script = std::fs::read_to_string(&path).unwrap();
        let commands = parse_script(&script).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for command in commands {
            let Command::Eval(eval) = command else { continue };
            let place = format!("{}:{}: {}", path.display(), eval.line, eval.query);
            let tree = parse(&eval.query, Options::ALL).unwrap_or_else(|error| panic!("{place}: {error}"));
            for text in [tree.to_string(), tree.pretty()] {
                let again = parse(&text, Options::ALL).unwrap_or_else(|error| panic!("{place} as {text}: {error}"));
                assert_eq!(meaning(&again), meaning(&tree), "{place} as {text}");
            }
            queries += 1;
        }
    }
    assert!(queries > 1000, "{queries} queries");
}

#[test]
fn long_queries_are_broken_at_operators_and_arguments() {
    let query = "histogram_quantile(0.99, sum by (le, job) (rate(request_duration_seconds_bucket{job=~\"api|web\"}[5m]))) \
                 > on (job) group_left (team) -(threshold_seconds + 1)";
    let pretty = "  histogram_quantile(
    0.99,
    sum by (le, job) (rate(request_duration_seconds_bucket{job=~\"api|web\"}[5m]))
  )
> on (job) group_left (team)
  -(threshold_seconds + 1)";
    assert_eq!(parse(query, Options::ALL).unwrap().pretty(), pretty);
    let nested = format!("topk(3, (sum({}) by (a))[5m:1m])", "very_long_name_of_a_metric".repeat(4));
    assert!(refused(&nested).contains("expected type instant vector in aggregation expression, got range vector"));
    assert_eq!(parse("sum(a) by (b)", Options::ALL).unwrap().pretty(), "sum by (b) (a)");
}

#[test]
fn trees_are_told_as_json() {
    let json = |query| parse(query, Options::ALL).unwrap().to_json();
    let vector = json!({
        "type": "vectorSelector", "name": "a", "offset": 300_000, "offsetExpr": null, "timestamp": 1500,
        "startOrEnd": null, "anchored": false, "smoothed": false,
        "matchers": [
            {"name": "b", "value": "c|d", "type": "=~"},
            {"name": "__name__", "value": "a", "type": "="},
        ],
    });
    assert_eq!(json("a{b=~\"c|d\"} @ 1.5 offset 5m"), vector);
    let binary = json!({
        "type": "binaryExpr", "op": "==", "bool": true,
        "lhs": {"type": "numberLiteral", "val": "300"},
        "rhs": {"type": "unaryExpr", "op": "-", "expr": {"type": "parenExpr", "expr": {"type": "numberLiteral", "val": "1"}}},
        "matching": null,
    });
    assert_eq!(json("5m == bool -(1)"), binary);
    let matching = json!({
        "card": "many-to-one", "labels": ["c"], "on": true, "include": ["d"], "fillValues": {"lhs": null, "rhs": 0.0},
    });
    assert_eq!(json("a * on (c) group_left (d) fill_right (0) b")["matching"], matching);
    let subquery = json("max_over_time(a[1h:step() * 2])");
    assert_eq!(
        subquery["func"],
        json!({"name": "max_over_time", "argTypes": ["matrix"], "variadic": 0, "returnType": "vector"})
    );
    assert_eq!(
        (&subquery["args"][0]["range"], &subquery["args"][0]["stepExpr"]["op"]),
        (&json!(3_600_000), &json!("*"))
    );
}
