//! Queries that are refused, and how that is said.

use gantry_query_eval::Templates;

#[test]
fn mistakes_are_named_with_their_place() {
    let cases = [
        ("{app", "parse error at line 1, col 5: syntax error: unexpected $end, expecting = or =~ or !~ or !="),
        ("{app=\"a\" and b=\"c\"}", "parse error at line 1, col 10: syntax error: unexpected and, expecting } or ,"),
        ("{app=\"a\"} | line_format", "parse error at line 1, col 24: syntax error: unexpected $end, expecting STRING"),
        (
            "{app=\"a\"} | label_format a=5",
            "parse error at line 1, col 28: syntax error: unexpected NUMBER, expecting IDENTIFIER or STRING",
        ),
        (
            "{app=\"a\"} | json x=\"b[\"",
            "parse error : stage '| json x=\"b[\"' : cannot parse expression [b[]: syntax error: unexpected $end, expecting STRING or INDEX",
        ),
        (
            "{app=\"a\"} | regexp \"(?P<a>x)(?P<a>y)\"",
            "parse error : invalid regexp parser: duplicate extracted label name 'a'",
        ),
        (
            "{app=\"a\"} |~ \"a**\"",
            "parse error : stage '|~ \"a**\"' : error parsing regexp: invalid nested repetition operator: `**`",
        ),
        ("rate({app=\"a\"}[5])", "parse error at line 0, col 15: not a valid duration string: \"5\""),
        ("sum_over_time({app=\"a\"}[5m])", "parse error : invalid aggregation sum_over_time without unwrap"),
        ("sum(rate({app=\"a\"}[5m])) by (a) by (b)", "parse error at line 1, col 33: syntax error: unexpected by"),
        ("topk(rate({app=\"a\"}[5m]))", "parse error : parameter required for operation topk"),
        (
            "vector(1) unless 1",
            "parse error : unexpected literal for right leg of logical/set binary operation (unless): 1.000000",
        ),
        ("vector(\"x\")", "parse error at line 1, col 8: syntax error: unexpected STRING, expecting NUMBER"),
        ("distinct({app=\"a\"}[5m])", "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"),
    ];
    for (query, want) in cases {
        let error = gantry_query_lang::parse_with(query, &Templates).unwrap_err().to_string();
        assert_eq!(error, want, "{query}");
    }
}

#[test]
fn operators_bind_as_in_loki() {
    let cases = [
        ("2 ^ 3 ^ 2", "512"),
        ("-2 ^ 2", "4"),
        ("1 + 2 * 3 - 4 / 2 % 3", "5"),
        ("(1 + 2) * 3", "9"),
        ("5 > bool 3", "1"),
        ("1 - -1", "2"),
    ];
    for (query, want) in cases {
        assert_eq!(gantry_query_lang::parse_with(query, &Templates).unwrap().to_string(), want, "{query}");
    }
}
