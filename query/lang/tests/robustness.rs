//! Input that nobody meant as a query: it is refused, quickly and with a reason.

use gantry_query_lang::{MAX_NESTING, MAX_QUERY_BYTES, parse};
use proptest::prelude::*;

fn refusal(query: &str) -> String {
    parse(query).expect_err("the query is refused").to_string()
}

#[test]
fn a_hundred_thousand_parentheses_are_refused_without_overflow() {
    let unclosed = "(".repeat(100_000);
    assert_eq!(refusal(&unclosed), "parse error at line 1, col 100001: syntax error: unexpected $end");
    let closed = format!("{}1{}", "(".repeat(60_000), ")".repeat(60_000));
    let expected = format!("the query is nested more than {MAX_NESTING} levels deep");
    assert!(refusal(&closed).contains(&expected), "{}", refusal(&closed));
    let calls = format!("{}vector(1){}", "sum(".repeat(10_000), ")".repeat(10_000));
    assert!(refusal(&calls).contains(&expected), "{}", refusal(&calls));
    let filters = format!("{{a=\"b\"}} | {}", "a=\"b\" ".repeat(10_000));
    assert!(refusal(&filters).contains(&expected), "{}", refusal(&filters));
}

#[test]
fn a_query_too_long_is_refused_before_it_is_read() {
    let long = " ".repeat(MAX_QUERY_BYTES + 1);
    assert_eq!(refusal(&long), "parse error : input size too long (131073 > 131072)");
}

#[test]
fn nesting_within_the_limit_parses() {
    let query = format!("{}vector(1){}", "sum(".repeat(MAX_NESTING - 1), ")".repeat(MAX_NESTING - 1));
    assert!(parse(&query).is_ok());
}

const WORDS: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "[5m]",
    "[",
    "a",
    "app",
    "=",
    "=~",
    "!~",
    "!=",
    "|=",
    "|~",
    "|>",
    "!>",
    "|",
    ",",
    "\"x\"",
    "`y`",
    "\"(\"",
    "'c'",
    "5",
    "1.5",
    "0x1",
    "5m",
    "-5m",
    "1h30m",
    "4kB",
    "0B",
    "5EB",
    "json",
    "logfmt",
    "--strict",
    "--keep-empty",
    "--no",
    "pattern",
    "regexp",
    "unpack",
    "unwrap",
    "ip",
    "ip(",
    "line_format",
    "label_format",
    "decolorize",
    "drop",
    "keep",
    "sum",
    "sum(",
    "topk(",
    "by",
    "by(",
    "without (",
    "rate(",
    "count_over_time(",
    "quantile_over_time(",
    "offset",
    "on (",
    "ignoring(",
    "group_left",
    "bool",
    "or",
    "and",
    "unless",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "==",
    ">",
    ">=",
    "<",
    "vector(",
    "label_replace(",
    "duration(",
    "#",
    "//",
    "/*",
    "\n",
    "\u{0}",
    "\u{e9}",
    "\"\\x",
    "{a=\"b\"}",
];

/// Queries that are nearly right, so that every part of the grammar is reached.
fn fragment() -> impl Strategy<Value = String> {
    let selector = prop_oneof![Just("{a=\"b\"}"), Just("{a=~\"b.+\", c!=\"\"}"), Just("{a!=\"x\"}")];
    let stage = prop_oneof![
        Just("|= \"x\" or ip(\"1.2.3.4\")"),
        Just("!~ `y+` or \"z\""),
        Just("| json a=\"b.c\", d"),
        Just("| logfmt --strict --keep-empty x"),
        Just("| pattern \"<a> <_>\""),
        Just("| a=\"b\" or c > 5 and d <= 1h2m, e == 1.5MB f != ip(\"::1\")"),
        Just("| (a > -1.5 or b=~\"x\") c=\"d\""),
        Just("| line_format \"{{.a}}\\n\\\"\""),
        Just("| label_format a=b, c=\"d\""),
        Just("| drop a, b=\"c\" | keep d"),
        Just("| unpack | decolorize"),
    ];
    let log =
        (selector, prop::collection::vec(stage, 0..4)).prop_map(|(s, stages)| format!("{s} {}", stages.join(" ")));
    let range = (log.clone(), 0..5).prop_map(|(log, kind)| match kind {
        0 => format!("rate({log}[5m])"),
        1 => format!("sum_over_time({log} | unwrap x [1h30m] offset -5m)"),
        2 => format!("quantile_over_time(0.9, {log} | unwrap duration(x) | __error__=\"\" [90s]) by (a, b)"),
        3 => format!("max_over_time({log} | unwrap bytes(x) [1d12h]) without (a)"),
        _ => format!("count_over_time(({log})[2w] offset 1h)"),
    });
    let leaf = prop_oneof![4 => range, 1 => Just("vector(1.25)".to_string()), 1 => Just("2.5".to_string())];
    let metric = leaf.prop_recursive(4, 12, 2, |inner| {
        let operator = prop::sample::select(vec![
            "+",
            "-",
            "*",
            "/ on (a) group_left (b)",
            "%",
            "^",
            "> bool",
            "== ignoring ()",
            "<",
            "or",
            "and on ()",
            "unless ignoring (q)",
        ]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            inner.clone().prop_map(|m| format!("sum by (a, b) ({m})")),
            inner.clone().prop_map(|m| format!("topk(3, {m}) without (c)")),
            inner.prop_map(|m| format!("label_replace({m}, \"d\", \"$1\", \"s\", \"(.*)\")")),
        ]
    });
    prop_oneof![1 => log, 3 => metric]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn soup_of_tokens_never_panics(words in prop::collection::vec(prop::sample::select(WORDS), 0..25), glue in "[ ]?") {
        let query = words.join(&glue);
        if let Ok(tree) = parse(&query) {
            let _ = tree.pretty();
        }
    }

    #[test]
    fn any_text_never_panics(query in "\\PC{0,60}") {
        let _ = parse(&query);
    }

    #[test]
    fn a_regex_of_any_shape_never_panics(pattern in "[a-c\\[\\](){}?*+|.^$\\\\xpPQE:<>,0-9\u{e9}-]{0,12}") {
        let _ = parse(&format!("{{a=\"b\"}} |~ `{pattern}` | regexp `(?P<n>{pattern})` | pattern `{pattern}`"));
    }

    #[test]
    fn a_pattern_legal_in_go_compiles_in_rust(pattern in "[a-c\\[\\](){}?*+|.^$\\\\pQEdWbs:,&~0-9\u{e9}-]{0,10}") {
        if let Ok(translated) = gantry_query_lang::rust_regex(&pattern) {
            let compiled = regex::RegexBuilder::new(&translated).size_limit(1 << 30).build();
            prop_assert!(compiled.is_ok(), "{pattern} as {translated}: {compiled:?}");
        }
    }

    #[test]
    fn printing_and_parsing_are_inverse(query in fragment()) {
        let Ok(tree) = parse(&query) else { return Ok(()) };
        prop_assert_eq!(parse(&tree.to_string()), Ok(tree.clone()), "{}", tree);
        let pretty = tree.pretty();
        prop_assert_eq!(parse(&pretty), Ok(tree), "{}", pretty);
    }
}
