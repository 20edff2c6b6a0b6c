use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Has the function `twice`, and lists have the method `First`.
struct Plain;

fn named(name: &str) -> Option<u16> {
    match name {
        "twice" => Some(1),
        "tmpl" => Some(TMPL),
        _ => None,
    }
}

impl Host for Plain {
    fn call(&self, function: u16, arguments: Vec<Value>) -> Result<Value, TemplateError> {
        assert_eq!(function, 1);
        Ok(Value::Int(2 * Args::new(arguments, 1, 1)?.int(0)?))
    }

    fn method(&self, of: &Value, name: &str, arguments: &[Value]) -> Option<Result<Value, TemplateError>> {
        match (of, name, arguments) {
            (Value::List(items), "First", []) => Some(items.first().cloned().map_or_else(|| fail("empty"), Ok)),
            (Value::Texts(texts), "Without", [Value::Text(name)]) => {
                let mut texts = texts.clone();
                texts.remove(name);
                Some(Ok(Value::Texts(texts)))
            }
            _ => None,
        }
    }
}

fn root() -> Value {
    let texts = |pairs: &[(&str, &str)]| Value::Texts(pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect());
    let item = |app: &str, value: f64| {
        Value::Map(BTreeMap::from([("Labels".into(), texts(&[("app", app)])), ("Value".into(), Value::Float(value))]))
    };
    let fields = [
        ("Labels", texts(&[("app", "shop"), ("env", "prod")])),
        ("Items", Value::List(vec![item("a", 1.0), item("b", 2.5)])),
        ("Name", Value::Text("disk".into())),
        ("At", Value::Time(Time::of_seconds(1_767_225_600).unwrap())),
    ];
    Value::Map(fields.map(|(name, value)| (name.to_owned(), value)).into())
}

fn render(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let template = Template::parse("t", text, named).map_err(|error| error.0)?;
    template.render(&Plain, root(), &mut out).map(|()| out).map_err(|error| error.0)
}

#[test]
fn values_of_the_host_are_reached_by_fields_methods_and_functions() {
    let cases = [
        ("{{ .Labels.app }} {{ .Labels.nosuch }}| {{ $.Name }} {{ .nosuch }}", "shop | disk <no value>"),
        ("{{ range .Items }}{{ .Labels.app }}={{ .Value }};{{ end }}", "a=1;b=2.5;"),
        (
            "{{ range $k, $v := .Labels }}{{ $k }}:{{ $v }} {{ end }}{{ .Labels }}",
            "app:shop env:prod map[app:shop env:prod]",
        ),
        ("{{ .Items.First.Value }} {{ (.Labels.Without \"env\") }}", "1 map[app:shop]"),
        ("{{ twice 4 }} {{ 3 | twice | twice }} {{ len .Labels }} {{ index .Labels \"env\" }}", "8 12 2 prod"),
        ("{{ define \"x\" }}<{{ . }}>{{ end }}{{ tmpl (print \"x\") .Name | len }}{{ template \"x\" 1 }}", "6<1>"),
        ("{{ .At.Format \"2006-01-02\" }}{{ with $x := .Name }} {{ $x }}{{ end }}", "2026-01-01 disk"),
        ("{{ printf \"%s %v %.2f %q\" .Name .Labels 1.0 \"a\" }}", "disk map[app:shop env:prod] 1.00 \"a\""),
    ];
    for (text, wanted) in cases {
        assert_eq!(render(text).as_deref(), Ok(wanted), "{text}");
    }
}

#[test]
fn templates_of_one_text_are_known_to_the_next() {
    let first = Template::parse("a", "{{ define \"x\" }}[{{ . }}]{{ end }}", named).unwrap();
    let second = first.parse_also("b", "{{ template \"x\" .Name }}", named).unwrap();
    let mut out = String::new();
    second.render(&Plain, root(), &mut out).unwrap();
    assert_eq!(out, "[disk]");
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let cases = [
        ("{{ nosuch }}", "template: t:1: function \"nosuch\" not defined"),
        ("a\n{{ if }}", "template: t:2: missing value for if"),
        ("{{ if .Name }}", "template: t:1: unexpected EOF"),
        ("{{ template \"nosuch\" }}", "template \"nosuch\" not defined"),
        ("{{ .Name.First }}", "can't evaluate field First in type string"),
        ("{{ define \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}", "exceeded maximum template depth"),
    ];
    for (text, wanted) in cases {
        assert_eq!(render(text).unwrap_err(), wanted, "{text}");
    }
}

proptest! {
    #[test]
    fn no_template_panics(text in "(\\{\\{-? ?|( ?-?\\}\\})|if|else|end|range|with|define|template|\\$x|:=|\\.|Name|Items|Labels|\\||\"x\"|printf|index|slice|len|tmpl|[ ()0-9%]){0,40}") {
        let _ = render(&text);
    }
}
