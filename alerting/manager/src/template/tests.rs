use super::Templates;
use crate::receive::tests::data;
use gantry_model::Timestamp;

/// An hour, a minute and a half after the alert began.
const NOW: Timestamp = Timestamp(1_700_003_660_623_000_000);

fn text(template: &str) -> String {
    Templates::read(&[]).unwrap().text(template, &data("firing"), NOW).unwrap_or_else(|error| error)
}

#[test]
fn the_values_and_functions_of_alertmanager_are_there() {
    for (template, expected) in [
        ("{{ .Receiver }} {{ .Status | toUpper }} {{ .ExternalURL }}", "r FIRING http://am"),
        ("{{ len .Alerts.Firing }}{{ len .Alerts.Resolved }}", "10"),
        ("{{ range .Alerts }}{{ .Labels.job }} {{ .Annotations.summary }} {{ .Fingerprint }}{{ end }}", "db 95 % 00"),
        ("{{ range .CommonLabels.SortedPairs }}{{ .Name }}={{ .Value }};{{ end }}", "alertname=Disk <full>;job=db;"),
        ("{{ .CommonLabels.Names | join \",\" }}", "alertname,job"),
        ("{{ .CommonLabels.Values | join \",\" }}", "Disk <full>,db"),
        ("{{ (.CommonLabels.Remove .GroupLabels.Names).Values | join \",\" }}", "db"),
        ("{{ (.CommonLabels.Remove (stringSlice \"job\")).Names | join \",\" }}", "alertname"),
        ("{{ .GroupLabels.alertname }}{{ .GroupLabels.nosuch }}", "Disk <full>"),
        ("{{ if match \"^D\" .GroupLabels.alertname }}yes{{ end }}", "yes"),
        ("{{ reReplaceAll \"(d)b\" \"x$1\" .CommonLabels.job }}", "xd"),
        ("{{ title \"a b\" }}{{ toLower \"C\" }}{{ trimSpace \" d \" }}", "A Bcd"),
        ("{{ (index .Alerts 0).StartsAt.Unix }}", "1700000000"),
        ("{{ (index .Alerts 0).EndsAt.IsZero }}", "true"),
        ("{{ .GroupLabels | toJson }}", "{\"alertname\":\"Disk <full>\"}"),
        ("{{ template \"__alertmanagerURL\" . }}", "http://am/#/alerts?receiver=r"),
    ] {
        assert_eq!(text(template), expected, "{template}");
    }
}

#[test]
fn times_lists_and_codes_are_as_in_alertmanager() {
    for (template, expected) in [
        (
            "{{ range .Alerts }}{{ .StartsAt | tz \"Europe/Paris\" | date \"Mon 2 Jan 15:04:05 MST\" }}{{ end }}",
            "Tue 14 Nov 23:13:20 CET",
        ),
        ("{{ (index .Alerts 0).StartsAt | date \"2006-01-02\" }}", "2023-11-14"),
        ("{{ now | date \"15:04:05.0\" }}", "23:14:20.6"),
        ("{{ since (index .Alerts 0).StartsAt }}", "1h1m0.5s"),
        ("{{ since (index .Alerts 0).StartsAt | humanizeDuration }}", "1h 1m 0s"),
        (
            "{{ humanizeDuration 90 }} {{ humanizeDuration 0.5 }} {{ humanizeDuration \"7200\" }}",
            "1m 30s 500ms 2h 0m 0s",
        ),
        ("{{ if gt (since (index .Alerts 0).StartsAt).Hours 1.0 }}long{{ end }}", "long"),
        ("{{ (toDate \"2006-01-02\" \"2024-02-29\").Unix }} {{ (toDate \"2006\" \"x\").IsZero }}", "1709164800 true"),
        ("{{ since (index .Alerts 0).EndsAt }}", "2562047h47m16.854775807s"),
        ("{{ (index .Alerts 0).StartsAt.Sub now }}", "-1h1m0.5s"),
        ("{{ urlUnescape \"a%20b+c\" }}", "a b c"),
        ("{{ base64encode \"?>~ü\" }} {{ base64decode \"Pz5-w7w=\" }}", "Pz5-w7w= ?>~ü"),
        ("{{ append (list 1 \"a\") true | toJson }}{{ list | toJson }}", "[1,\"a\",true][]"),
        ("{{ $d := dict \"k\" \"v\" \"n\" 2 }}{{ $d.k }}{{ $d.n }}{{ $d | toJson }}", "v2{\"k\":\"v\",\"n\":2}"),
    ] {
        assert_eq!(text(template), expected, "{template}");
    }
}

#[test]
fn functions_say_what_they_cannot_take() {
    for (template, expected) in [
        ("{{ now | tz \"Mars/Olympus\" }}", "unknown time zone Mars/Olympus"),
        ("{{ date \"2006\" \"today\" }}", "expected time.Time; got string"),
        ("{{ mustToDate \"2006\" \"x\" }}", "cannot parse \"x\" as \"2006\""),
        ("{{ base64decode \"?\" }}", "illegal base64 data"),
        ("{{ dict \"a\" }}", "dict requires an even number of arguments"),
        ("{{ dict 1 2 }}", "dict keys must be strings"),
        ("{{ humanizeDuration .Alerts }}", "can't convert []interface {} to float"),
        ("{{ urlUnescape \"%zz\" }}", "invalid URL escape \"%zz\""),
    ] {
        assert!(text(template).contains(expected), "{template}: {}", text(template));
    }
}

#[test]
fn lists_in_lists_end_somewhere() {
    let twice = "{{ $l = append $l $l }}".repeat(60);
    assert!(text(&format!("{{{{ $l := list 1 2 3 }}}}{twice}")).contains("too large"));
    let pairs = "{{ $d = dict \"a\" $d \"b\" $d }}".repeat(60);
    assert!(text(&format!("{{{{ $d := dict }}}}{pairs}")).contains("too large"));
}

#[test]
fn files_add_and_replace_templates() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("own.tmpl");
    std::fs::write(&file, r#"{{ define "__subject" }}mine{{ end }}{{ define "own" }}{{ .Status }}!{{ end }}"#).unwrap();
    let glob = dir.path().join("*.tmpl").display().to_string();
    let own = Templates::read(std::slice::from_ref(&glob)).unwrap();
    let both = r#"{{ template "slack.default.title" . }} {{ template "own" . }}"#;
    assert_eq!(own.text(both, &data("firing"), NOW).unwrap(), "mine firing!");
    std::fs::write(&file, "{{ define").unwrap();
    assert!(Templates::read(&[glob]).unwrap_err().contains("own.tmpl"));
}

#[test]
fn values_are_escaped_for_html_and_the_text_is_not() {
    let templates = Templates::read(&[]).unwrap();
    let html = templates.html("<b>{{ .GroupLabels.alertname }}</b>", &data("firing"), NOW).unwrap();
    assert_eq!(html, "<b>Disk &lt;full&gt;</b>");
    let mail = templates.html(r#"{{ template "email.default.html" . }}"#, &data("firing"), NOW).unwrap();
    assert!(mail.contains("<h2") && !mail.contains("<full>"), "{mail}");
}

#[test]
fn a_list_in_markdown_ends_with_one_empty_line() {
    let mut two = data("firing");
    two.alerts = vec![two.alerts[0].clone(); 2];
    let one = "\nLabels:\n  - alertname = Disk <full>\n  - job = db\n\nAnnotations:\n  - summary = 95 %\n\nSource: http://g/\n";
    let templates = Templates::read(&[]).unwrap();
    let list = templates.text(r#"{{ template "__text_alert_list_markdown" .Alerts }}"#, &two, NOW).unwrap();
    assert_eq!(list, format!("{one}{one}\n"));
    let message = templates.text(r#"{{ template "msteams.default.text" . }}"#, &two, NOW).unwrap();
    assert_eq!(message, format!("\n\n# Alerts Firing:\n{list}\n\n\n"));
}
