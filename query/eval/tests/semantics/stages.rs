//! Parsers, filters and formatters.

use crate::harness::run;

/// What each query makes of the line; `-` for a line that is dropped. `LINE` stands for the line itself.
fn gives(line: &str, cases: &[(&str, &str)]) {
    for (stages, want) in cases {
        let got = run(stages, line).unwrap_or_else(|error| panic!("{stages}: {error}"));
        assert_eq!(got.as_deref().unwrap_or("-"), want.replace("LINE", line), "{stages} over {line}");
    }
}

const JSON: &str =
    r#"{"a":1,"b":{"c":"x","d-e":[1,{"f":"g"}]},"app":"own","trace":"z","n":null,"s":"q\"","arr":["\u0041"]}"#;

#[test]
fn json() {
    gives(
        JSON,
        &[
            ("| json", r#"LINE · a=1 · app_extracted=own · b_c=x · s=q" · trace_extracted=z"#),
            (r#"| json a, y="b.c", z="b[\"d-e\"][0]", w="b[\"d-e\"][1].f""#, "LINE · a=1 · w=g · y=x · z=1"),
            (
                r#"| json o="b", arr="arr", n="n", none="no.such""#,
                r#"LINE · arr=["A"] · n= · none= · o={"c":"x","d-e":[1,{"f":"g"}]}"#,
            ),
            (r#"| json app="a", trace="a""#, "LINE · app_extracted=1 · trace_extracted=1"),
            (r#"| json x="a" | x = 1"#, "LINE · x=1"),
        ],
    );
    gives(
        "[1]",
        &[("| json", "LINE · __error__=JSONParserErr · __error_details__"), (r#"| json x="[0]""#, "LINE · x=1")],
    );
    gives(r#"{"a":1,"#, &[("| json", "LINE · __error__=JSONParserErr · __error_details__ · a=1")]);
    gives(r#"{"a":{"b":1},"a_b":2,"a b":3,"9k":4}"#, &[("| json", "LINE · _9k=4 · a_b=1")]);
}

#[test]
fn logfmt() {
    let line = r#"a=1 b="two words" c= d app=x "bad" e=f"#;
    gives(
        line,
        &[
            ("| logfmt", "LINE · a=1 · app_extracted=x · b=two words · e=f"),
            ("| logfmt --keep-empty", "LINE · a=1 · app_extracted=x · b=two words · c= · d= · e=f"),
            (
                "| logfmt --strict",
                "LINE · __error__=LogfmtParserErr · __error_details__ · a=1 · app_extracted=x · b=two words",
            ),
            (r#"| logfmt a, bb="b", zz="nosuch""#, "LINE · a=1 · bb=two words · zz="),
            // A key counts, too, where it is the name of an extraction.
            (r#"| logfmt e="a""#, "LINE · e=f"),
            (r#"| logfmt a="e""#, "LINE · a=f"),
        ],
    );
}

#[test]
fn unpack_pattern_regexp() {
    gives(
        r#"{"_entry":"inner k=1","pod":"x","v":"w","num":5}"#,
        &[
            ("| unpack", "inner k=1 · pod_extracted=x · v=w"),
            (r#"| unpack | logfmt | k = 1"#, "inner k=1 · k=1 · pod_extracted=x · v=w"),
            (r#"| unpack |= "_entry""#, "-"),
        ],
    );
    gives(r#"{"k":"v"}"#, &[("| unpack", "LINE")]);
    gives(
        "GET /x 200",
        &[
            ("| pattern `<method> <_> <code>`", "LINE · code=200 · method=GET"),
            ("| pattern `POST <path>`", "LINE"),
            (r#"| regexp "(?P<method>\\w+) (?P<app>\\S+)""#, "LINE · app_extracted=/x · method=GET"),
            (r#"| regexp "(?P<none>zzz)""#, "LINE"),
        ],
    );
    gives("\u{1b}[31mred\u{1b}[0m", &[("| decolorize", "red"), (r#"| decolorize |= "[31m""#, "-")]);
}

#[test]
fn line_filters() {
    gives(
        "from 10.1.2.3: Not json",
        &[
            (r#"|= "json" != "xml" |~ "N.t" !~ "^x""#, "LINE"),
            (r#"|= "x" or "json""#, "LINE"),
            (r#"|= "x" or "y""#, "-"),
            (r#"!= "x" or "json""#, "-"),
            (r#"|~ "(?i)NOT" |~ "js(on|x)""#, "LINE"),
            (r#"|> "from <_>: Not <_>""#, "LINE"),
            (r#"!> "from <_>: Not <_>""#, "-"),
            (r#"|= ip("10.0.0.0/8")"#, "LINE"),
            (r#"!= ip("10.1.2.0-10.1.2.9")"#, "-"),
            ("|= `json` # a comment", "LINE"),
            (r#"|= "\x6a\u0073on""#, "LINE"),
        ],
    );
}

#[test]
fn label_filters() {
    let line = "a=1 took=1.5s size=3KB ip=10.1.2.3 word=abc";
    let all = "LINE · a=1 · ip=10.1.2.3 · size=3KB · took=1.5s · word=abc";
    let failed =
        "LINE · __error__=LabelFilterErr · __error_details__ · a=1 · ip=10.1.2.3 · size=3KB · took=1.5s · word=abc";
    gives(
        line,
        &[
            ("| logfmt | a >= 1 and a < 1.5, a != 2 a == 1", all),
            ("| logfmt | took > 1s | took <= 1500ms | size > 2KB | size < 3KiB", all),
            (r#"| logfmt | ip = ip("10.0.0.0/8") | ip != ip("192.168.0.0/16")"#, all),
            (r#"| logfmt | a="1" or word="no" and took="no""#, all),
            (r#"| logfmt | (a="1" or word="no") and took="no""#, "-"),
            (r#"| logfmt | word=~"a.*" | word!~"b.*" | nosuch!="x""#, all),
            (r#"| logfmt | word=~"ab""#, "-"),
            ("| logfmt | nosuch != 1", "-"),
            (r#"| logfmt | nosuch != ip("10.0.0.1")"#, "-"),
            ("| logfmt | word > 5", failed),
            (r#"| logfmt | word > 5 | __error__="""#, "-"),
            ("| logfmt | word > 5 or a = 1", failed),
            ("| logfmt | a = 1 or word > 5", all),
        ],
    );
    // The first error stays, and addresses are not looked for in a line that failed.
    let broken = "LINE · __error__=JSONParserErr · __error_details__ · a=1";
    gives(r#"{"a":1,"#, &[("| json | a > 5s", broken), (r#"| json | b = ip("10.0.0.1")"#, broken)]);
}

#[test]
fn labels_are_formatted_dropped_and_kept() {
    gives(
        "k=v n=2",
        &[
            ("| label_format a=app", "LINE · a=shop · -app"),
            ("| label_format a=app, b=a", "LINE · b=shop · -app"),
            (r#"| logfmt | label_format x="{{.k}}-{{.n}}", k=n"#, "LINE · k=2 · x=v-2"),
            (r#"| label_format app="{{.app}}!", trace="""#, "LINE · app=shop! · trace="),
            ("| logfmt | drop k, pod, trace", "LINE · n=2 · -pod · -trace"),
            (r#"| logfmt | drop k="other", n=~"[0-9]""#, "LINE · k=v"),
            ("| logfmt | keep app, k", "LINE · k=v · -pod · -trace"),
            (r#"| logfmt | keep k="x", n"#, "LINE · n=2 · -app · -pod · -trace"),
            (r#"| logfmt | line_format "{{.k}}" | line_format "{{.n}}{{__line__}}""#, "2v · k=v · n=2"),
        ],
    );
}

#[test]
fn errors_are_labels() {
    let error = "__error__=JSONParserErr · __error_details__";
    gives(
        "not json",
        &[
            (r#"| json | __error__="""#, "-"),
            ("| json | drop __error__, __error_details__", "LINE"),
            (r#"| json | drop __error__="Other""#, &format!("LINE · {error}")),
            ("| json | keep app", &format!("LINE · {error} · -pod · -trace")),
            // A template that is one field reads labels only; any other sees errors as well.
            ("| json | line_format `{{.__error__}}`", &format!(" · {error}")),
            ("| json | line_format `{{.__error__}}!`", &format!("JSONParserErr! · {error}")),
            ("| json | label_format e=`{{.__error__}}`", &format!("LINE · {error} · e=JSONParserErr")),
        ],
    );
}
