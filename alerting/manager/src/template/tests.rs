use super::Templates;
use crate::receive::tests::data;

fn text(template: &str) -> String {
    Templates::read(&[]).unwrap().text(template, &data("firing")).unwrap_or_else(|error| error)
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
fn files_add_and_replace_templates() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("own.tmpl");
    std::fs::write(&file, r#"{{ define "__subject" }}mine{{ end }}{{ define "own" }}{{ .Status }}!{{ end }}"#).unwrap();
    let glob = dir.path().join("*.tmpl").display().to_string();
    let own = Templates::read(std::slice::from_ref(&glob)).unwrap();
    let both = r#"{{ template "slack.default.title" . }} {{ template "own" . }}"#;
    assert_eq!(own.text(both, &data("firing")).unwrap(), "mine firing!");
    std::fs::write(&file, "{{ define").unwrap();
    assert!(Templates::read(&[glob]).unwrap_err().contains("own.tmpl"));
}

#[test]
fn values_are_escaped_for_html_and_the_text_is_not() {
    let templates = Templates::read(&[]).unwrap();
    let html = templates.html("<b>{{ .GroupLabels.alertname }}</b>", &data("firing")).unwrap();
    assert_eq!(html, "<b>Disk &lt;full&gt;</b>");
    let mail = templates.html(r#"{{ template "email.default.html" . }}"#, &data("firing")).unwrap();
    assert!(mail.contains("<h2") && !mail.contains("<full>"), "{mail}");
}

#[test]
fn a_list_in_markdown_ends_with_one_empty_line() {
    let mut two = data("firing");
    two.alerts = vec![two.alerts[0].clone(); 2];
    let one = "\nLabels:\n  - alertname = Disk <full>\n  - job = db\n\nAnnotations:\n  - summary = 95 %\n\nSource: http://g/\n";
    let templates = Templates::read(&[]).unwrap();
    let list = templates.text(r#"{{ template "__text_alert_list_markdown" .Alerts }}"#, &two).unwrap();
    assert_eq!(list, format!("{one}{one}\n"));
    let message = templates.text(r#"{{ template "msteams.default.text" . }}"#, &two).unwrap();
    assert_eq!(message, format!("\n\n# Alerts Firing:\n{list}\n\n\n"));
}
