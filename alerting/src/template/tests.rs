use super::*;
use crate::seam::Point;

/// Answers `up` with two series, and nothing else.
struct Up;

impl Evaluate for Up {
    fn instant(&mut self, expr: &str, at_ms: i64) -> Result<Vec<Sample>, String> {
        assert_eq!(at_ms, 1_435_065_584_128);
        let sample = |instance: &str, value| Sample {
            labels: LabelSet::from_pairs([("__name__", "up"), ("instance", instance), ("__value__", "v")]),
            value: SampleValue::Number(value),
        };
        match expr {
            "up" => Ok(vec![sample("b", 21.0), sample("a", 11.0)]),
            "none" => Ok(Vec::new()),
            other => Err(format!("{other}: parse error")),
        }
    }

    fn append(&mut self, _: Vec<Point>) -> Result<(), String> {
        Ok(())
    }
}

fn expand(text: &str) -> Result<String, String> {
    let labels = LabelSet::from_pairs([("job", "node"), ("instance", "web-1.example.org:9100")]);
    let subject = Subject { alert: "A", labels: &labels, value: 1234567.8, at_ms: 1_435_065_584_128 };
    let url = "http://gantry.example/base/".to_owned();
    Templates::new([("cluster".to_owned(), "c1".to_owned())].into(), url).expand(text, &subject, &mut Up)
}

#[test]
fn templates_say_what_prometheus_would_say() {
    let cases = [
        ("plain", "plain"),
        ("{{ $labels.job }} {{ .Labels.instance }} {{ $labels.nosuch }}|", "node web-1.example.org:9100 |"),
        ("{{ $value }} {{ $value | humanize }} {{ .Value | printf \"%.1f\" }}", "1.2345678e+06 1.235M 1234567.8"),
        (
            "{{ $externalLabels.cluster }} {{ $externalURL }} {{ externalURL }} {{ pathPrefix }}",
            "c1 http://gantry.example/base/ http://gantry.example/base/ /base",
        ),
        ("{{ range query \"up\" }}{{ .Labels.instance }}={{ .Value }} {{ end }}", "b=21 a=11 "),
        ("{{ query \"up\" | sortByLabel \"instance\" | first | label \"instance\" }}", "a"),
        ("{{ query \"up\" | first | value }} {{ query \"up\" | first | strvalue }}", "21 v"),
        ("{{ with query \"none\" }}some{{ else }}none{{ end }}", "none"),
        (
            "{{ humanize1024 1048576.0 }} {{ humanizeDuration 3661.5 }} {{ humanizePercentage 0.5 }} {{ humanize \"1000\" }}",
            "1Mi 1h 1m 1s 50% 1k",
        ),
        ("{{ humanizeTimestamp 1435065584.128 }}", "2015-06-23 13:19:44.128 +0000 UTC"),
        (
            "{{ (1435065584.128 | toTime).Year }} {{ parseDuration \"1h2m\" }} {{ toDuration 90.0 }} {{ now }}",
            "2015 3720 1m30s 1.435065584128e+09",
        ),
        (
            "{{ reReplaceAll \"w(.)b\" \"<$1>\" $labels.instance }} {{ match \"^n\" $labels.job }}",
            "<e>-1.example.org:9100 true",
        ),
        (
            "{{ title \"ab cd\" }} {{ toUpper \"a\" }}{{ toLower \"B\" }} {{ urlQueryEscape \"a b&\" }} {{ safeHtml \"<b>\" }}",
            "Ab Cd Ab a+b%26 <b>",
        ),
        (
            "{{ graphLink \"up > 1\" }} {{ tableLink \"up\" }}",
            "/graph?g0.expr=up+%3E+1&g0.tab=0 /graph?g0.expr=up&g0.tab=1",
        ),
        (
            "{{ stripPort $labels.instance }} {{ stripDomain $labels.instance }} {{ stripDomain \"10.0.0.1:80\" }} {{ stripPort \"[::1]:80\" }}",
            "web-1.example.org web-1:9100 10.0.0.1:80 ::1",
        ),
        (
            "{{ define \"x\" }}{{ .arg0 }}-{{ .arg1 }}{{ end }}{{ template \"x\" (args 1 \"b\") }} {{ tmpl \"x\" (args 2 3) }}",
            "1-b 2-3",
        ),
    ];
    for (text, wanted) in cases {
        assert_eq!(expand(text).as_deref(), Ok(wanted), "{text}");
    }
}

#[test]
fn what_is_wrong_names_the_alert() {
    let cases = [
        ("{{ nosuch }}", "error parsing template __alert_A: template: __alert_A:1: function \"nosuch\" not defined"),
        (
            "{{ query \"none\" | first }}",
            "error executing template __alert_A: first() called on vector with no elements",
        ),
        ("{{ query \"bad{\" }}", "error executing template __alert_A: bad{: parse error"),
        (
            "{{ humanize \"x\" }}",
            "error executing template __alert_A: strconv.ParseFloat: parsing \"x\": invalid syntax",
        ),
        ("{{ reReplaceAll \"(\" \"\" \"\" }}", "error executing template __alert_A: error parsing regexp: "),
    ];
    for (text, wanted) in cases {
        let error = expand(text).unwrap_err();
        assert!(error.starts_with(wanted), "{text}: {error}");
    }
    assert!(Templates::check("A", "{{ .Labels.a }}").is_ok() && Templates::check("A", "{{ if }}").is_err());
}
