use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

struct Map(BTreeMap<&'static str, &'static str>);

impl Fields for Map {
    fn field(&self, name: &str) -> Option<&str> {
        self.0.get(name).copied()
    }
    fn all(&self) -> Vec<(String, String)> {
        self.0.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }
}

fn render(text: &str) -> Result<String, String> {
    let labels = Map([("app", "api"), ("status", "404"), ("took", "1.5s"), ("msg", "user logged in")].into());
    let env = Env { labels: &labels, line: "the line", timestamp: 1_715_681_376_057_505_801, now: 0 };
    let mut out = String::new();
    let template = Template::parse("line", text).map_err(|e| e.to_string())?;
    template.render(&env, &mut out).map(|()| out).map_err(|e| e.to_string())
}

fn same(cases: &[(&str, &str)]) {
    for (text, want) in cases {
        assert_eq!(render(text).as_deref(), Ok(*want), "{text}");
    }
}

#[test]
fn labels_pipelines_and_control() {
    same(&[
        ("{{.app}}-{{ .nosuch }}!", "api-!"),
        ("{{ .app | upper | printf \"%s %5s|\" \"x\" }}", "x   API|"),
        ("{{ if eq .app \"web\" }}w{{ else if eq .app \"api\" }}a{{ else }}n{{ end }}", "a"),
        ("{{ with .nosuch }}x{{ else }}none{{ end }}", "none"),
        ("{{/* c */}}{{- .app -}}   {{ .app }}", "apiapi"),
        (r#"{{ range $i, $x := fromJson "[1,2,3]" }}{{ if $i }},{{ end }}{{ $x }}{{ end }}"#, "1,2,3"),
        (r#"{{ $x := "a" }}{{ $x = "b" }}{{ $x }}{{ (fromJson "{\"k\":{\"d\":2}}").k.d }}"#, "b2"),
        (r#"{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" .app }}"#, "<api>"),
        ("{{ and .app .nosuch \"x\" }}{{ or .nosuch .app }}{{ not true }}", "apifalse"),
        ("{{ __line__ }} {{ __timestamp__.Year }} {{ (__timestamp__).Weekday }}", "the line 2024 Tuesday"),
        ("{{ range . }}{{ . }};{{ end }}", "api;user logged in;404;1.5s;"),
    ]);
}

#[test]
fn functions_agree_with_the_documentation() {
    same(&[
        (r#"{{ print "a" 1 2 "b" }} {{ html "<b>" }} {{ js "it's" }}"#, r"a1 2b &lt;b&gt; it\'s"),
        ("{{ add 3 2 5 }} {{ sub .status 0.9 }} {{ div 7 -2 }} {{ mod -7 3 }}", "10 404 -3 -1"),
        (
            "{{ add 9223372036854775807 1 }} {{ addf 0.1 0.2 }} {{ divf 1 3 }}",
            "-9223372036854775808 0.3 0.3333333333333333",
        ),
        ("{{ round 123.555555 3 }} {{ ceil -1.5 }} {{ bytes \"1Gi\" }}", "123.556 -1 1.073741824e+09"),
        (r#"{{ trunc 2 "日本語" }}|{{ substr 0 4 "日本語" }}|{{ title "o'neil x_y" }}"#, "��|日�|O'Neil X_y"),
        (
            r#"{{ b64enc "/v1/cart" }} {{ b64dec "aGVsbG8=" }} {{ b64dec "!!!" }}"#,
            "L3YxL2NhcnQ= hello illegal base64 data at input byte 0",
        ),
        (r#"{{ alignLeft 5 .app }}|{{ alignRight 2 .app }}"#, "api  |pi"),
        (r#"{{ printf "%d %05d %x %s" 42 42 255 5 }} {{ printf "%d" }}"#, "42 00042 ff %!s(int=5) %!d(MISSING)"),
        (
            r#"{{ toDateInZone "2006-01-02 15:04" "America/New_York" "2021-11-02 03:04" }}"#,
            "2021-11-02 03:04:00 -0400 EDT",
        ),
        (r#"{{ __timestamp__ | date "Mon Jan _2 15:04:05.000 2006 MST" }}"#, "Tue May 14 10:09:36.057 2024 UTC"),
        (r#"{{ unixEpoch (toDate "2006-01-02T15:04:05Z07:00" "2024-05-14T10:00:00+02:00") }}"#, "1715673600"),
        (r#"{{ toDateInZone "2006-01-02 15:04" "Europe/Berlin" "2021-07-02 03:04" | date "15:04 MST" }}"#, "01:04 UTC"),
        ("{{ duration .took }} {{ default \"d\" .nosuch }}", "1.5 d"),
    ]);
    assert!(render("{{ div 1 0 }}").is_err());
    assert!(render(r#"{{ unixToTime "abc" }}"#).is_err());
    assert!(render(r#"{{ repeat 1000000000 "abc" }}"#).is_err());
}

#[test]
fn the_labels_that_a_template_reads_are_known() {
    let fields = |text: &str| Template::parse("line", text).unwrap().fields().map(<[String]>::to_vec);
    let some = |names: &[&str]| Some(names.iter().map(|n| n.to_string()).collect());
    assert_eq!(
        fields("{{.b}} x {{ if .c }}{{ .a | upper }}{{ else }}{{ add .d 1 }}{{ end }}"),
        some(&["a", "b", "c", "d"])
    );
    assert_eq!(fields("{{ with .a }}{{ . }}{{ end }}{{ $.b }}"), some(&["a", "b"]));
    assert_eq!(fields("{{ range $k, $v := . }}{{ $k }}{{ end }}"), None);
}

#[test]
fn errors_name_the_place() {
    let error = |text: &str| render(text).unwrap_err();
    assert_eq!(error("{{.x"), "template: line:1: unclosed action");
    assert_eq!(error("{{ nosuch .x }}"), r#"template: line:1: function "nosuch" not defined"#);
    assert_eq!(error("{{ if }}"), "template: line:1: missing value for if");
    assert_eq!(error("{{ if .x }}"), "template: line:1: unexpected EOF");
    assert_eq!(error("{{ end }}"), "template: line:1: unexpected {{end}}");
    assert_eq!(error("{{ $x }}"), r#"template: line:1: undefined variable "$x""#);
}

proptest! {
    #[test]
    fn garbage_never_panics(text in r#"(\{\{|\}\}|[ -]|if|end|range|\.a|\$|:=|\||"x"|printf|%[a-z*]|trunc|[0-9.(),]|ä)*"#) {
        let _ = render(&text);
    }
}
