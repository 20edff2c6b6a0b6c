//! Functions and control words of `line_format` and `label_format`.

use crate::harness::run;

/// Each template as `line_format` of the line `hello` in `{app="shop", pod="p-1"}` with metadata `trace="t9"`.
fn renders(cases: &[(&str, &str)]) {
    for (template, want) in cases {
        let got = run(&format!("| line_format `{template}`"), "hello");
        assert_eq!(got, Ok(Some((*want).to_string())), "{template}");
    }
}

fn fails(templates: &[&str]) {
    for template in templates {
        let got = run(&format!("| line_format `{template}`"), "hello").expect("a template").expect("a line");
        assert_eq!(got, "hello · __error__=TemplateFormatErr · __error_details__", "{template}");
    }
}

#[test]
fn texts() {
    renders(&[
        (r#"{{ indent 4 "a\nb" }}|{{ nindent 2 "x" }}"#, "    a\n    b|\n  x"),
        (r#"{{ trim "  hi " }}|{{ trimAll "$" "$5.00$" }}|{{ trimPrefix "-" "--x" }}"#, "hi|5.00|-x"),
        (r#"{{ trimSuffix "-" "x--" }}|{{ TrimPrefix "--x" "-" }}|{{ TrimSuffix "x--" "--" }}"#, "x-|-x|x"),
        (
            r#"{{ TrimSpace " s " }}|{{ Trim "xaxx" "x" }}|{{ TrimLeft "xax" "x" }}|{{ TrimRight "xax" "x" }}"#,
            "s|a|ax|xa",
        ),
        (r#"{{ trunc 5 "hello world" }}|{{ trunc -5 "hello world" }}|{{ trunc 9 "abc" }}"#, "hello|world|abc"),
        (r#"{{ substr 0 5 "hello you" }}|{{ substr 2 -1 "hello" }}|{{ substr -1 3 "hello" }}"#, "hello|llo|hel"),
        (
            r#"{{ .app | title }} {{ lower "AB" }} {{ upper "ab" }} {{ ToLower "AB" }} {{ ToUpper "ab" }}"#,
            "Shop ab AB ab AB",
        ),
        (r#"{{ repeat 3 .app }} {{ .pod | replace "-" "_" }} {{ Replace "aaa" "a" "b" 2 }}"#, "shopshopshop p_1 bba"),
        (r#"{{ hasPrefix "sh" .app }} {{ hasSuffix "p" .app }} {{ contains "x" .app }}"#, "true true false"),
        (r#"{{ alignLeft 3 "日本語文字" }}|{{ alignRight 7 "日本" }}|"#, "日本語|     日本|"),
        (
            r#"{{ b64enc "é" }} {{ b64dec "w6k=" }} {{ urlencode "a/b c" }} {{ urldecode "a%2Fb+c" }}"#,
            "w6k= é a%2Fb+c a/b c",
        ),
        (r#"{{ regexReplaceAll "s(h)" .app "$1-${1}" }} {{ regexReplaceAllLiteral "s(h)" .app "$1" }}"#, "h-hop $1op"),
        (r#"{{ count "l" __line__ }} {{ default "none" .nosuch }} {{ default "none" .app }}"#, "2 none shop"),
        (
            r#"{{ printf "%-4s|%4s|%q|%v|%6.2f|%e|%t" "ab" "cd" "q\"q" 12 3.14159 1234.5 true }}"#,
            r#"ab  |  cd|"q\"q"|12|  3.14|1.234500e+03|true"#,
        ),
        (r#"{{ printf "%s %v" (fromJson "[\"a\",\"b\"]") (fromJson "{\"k\":1}") }}"#, "[a b] map[k:1]"),
        (
            r#"{{ print 1 2 "a" "b" 3 }} {{ html "<a>" }} {{ js "a<b" }} {{ urlquery "a b" }}"#,
            r"1 2ab3 &lt;a&gt; a\u003Cb a+b",
        ),
    ]);
    fails(&[
        r#"{{ substr 4 2 "hello" }}"#,
        r#"{{ urldecode "%zz" }}"#,
        "{{ .app.x }}",
        r#"{{ regexReplaceAll "[" "a" "b" }}"#,
    ]);
}

#[test]
fn numbers() {
    renders(&[
        ("{{ add 1 2 3 }} {{ sub 5 2 }} {{ mul 2 3 4 }} {{ div 7 2 }} {{ mod 7 2 }}", "6 3 24 3 1"),
        ("{{ addf 1 2.5 }} {{ subf 10 2.5 1 }} {{ mulf 1.5 2 2 }} {{ divf 9 2 2 }}", "3.5 6.5 6 2.25"),
        (r#"{{ max 1 2 3.7 }} {{ min "5" 3 }} {{ maxf 1 "2.5" }} {{ minf 1 0.5 }}"#, "3 3 2.5 0.5"),
        (r#"{{ int "12" }} {{ int 3.9 }} {{ int "abc" }} {{ float64 "1.5" }} {{ float64 "x" }}"#, "12 3 0 1.5 0"),
        (r#"{{ ceil "1.2" }} {{ floor 2.9 }} {{ round 1.2345 2 }} {{ round 1.3 0 0.2 }}"#, "2 2 1.23 2"),
        (r#"{{ bytes "1KB" }} {{ duration "90ms" }} {{ duration_seconds "1h" }}"#, "1000 0.09 3600"),
    ]);
    fails(&[
        "{{ div 1 0 }}",
        "{{ mod 1 0 }}",
        "{{ divf 1 0 }}",
        "{{ sub 1 }}",
        r#"{{ bytes "x" }}"#,
        r#"{{ duration "x" }}"#,
    ]);
}

#[test]
fn times() {
    renders(&[
        (r#"{{ now | date "2006-01-02" }} {{ now.Year }} {{ unixEpoch now }}"#, "2024-05-14 2024 1715681376"),
        ("{{ unixEpochMillis __timestamp__ }} {{ unixEpochNanos __timestamp__ }}", "1715681376057 1715681376057000000"),
        (
            r#"{{ toDate "2006-01-02" "2024-05-14" | unixEpoch }} {{ toDate "2006" "bad" | unixEpoch }}"#,
            "1715644800 -62135596800",
        ),
        (r#"{{ toDateInZone "2006-01-02 15:04" "Europe/Berlin" "2024-05-14 12:00" | unixEpoch }}"#, "1715680800"),
        (r#"{{ unixToTime "1715681376" }} {{ date "2006-01-02" 0 }}"#, "2024-05-14 10:09:36 +0000 UTC 1970-01-01"),
        (r#"{{ __timestamp__.UTC.Format "15:04" }} {{ __timestamp__.Unix }}"#, "10:09 1715681376"),
    ]);
    fails(&[r#"{{ unixToTime "12" }}"#, r#"{{ unixEpoch "x" }}"#]);
}

#[test]
fn control() {
    renders(&[
        (
            r#"{{ if and (eq .app "shop") (ne .pod "x") }}both{{ end }}{{ if or .nosuch .pod }} one{{ end }}"#,
            "both one",
        ),
        (
            r#"{{ and true false }} {{ or "" "x" }} {{ not "" }} {{ len .app }} {{ index "abc" 1 }}"#,
            "false x true 4 98",
        ),
        (
            r#"{{ eq "a" "b" "a" }} {{ lt "a" "b" }} {{ le 2 2 }} {{ gt 1.5 0.5 }} {{ ge 1 2 }}"#,
            "true true true true false",
        ),
        (r#"{{ range $i, $e := (fromJson "[\"a\",\"b\"]") }}{{ $i }}={{ $e }} {{ end }}"#, "0=a 1=b "),
        ("{{ $x := .app }}{{ $x }}{{ with $y := .pod }}{{ $y }}{{ end }}", "shopp-1"),
        (r#"{{ slice "abcdef" 1 3 }} {{ .trace }}"#, "bc t9"),
    ]);
    fails(&["{{ eq 1 1.0 }}", r#"{{ index "abc" 9 }}"#]);
}
