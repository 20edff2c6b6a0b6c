use super::*;
use toml::Value;

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("gantry.toml");
    std::fs::write(&file, text).unwrap();
    let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Config::load(&Layers { file: Some(file), environment, flags: Vec::new() })
}

fn paths(errors: &ConfigErrors) -> Vec<&str> {
    errors.problems.iter().map(|problem| problem.path.as_str()).collect()
}

#[test]
fn all_problems_are_reported_at_once_with_their_paths() {
    let text = "[server]\nhttp = 5\nheadr_timeout = \"5s\"\nheader_timeout = \"soon\"\n[ingest]\nmax_labels = \"x\"\n[stoer]\na = 1\n";
    let errors = load(text, &[]).unwrap_err();
    let found = paths(&errors);
    for path in ["server.headr_timeout", "server.header_timeout", "ingest.max_labels", "stoer"] {
        assert!(found.contains(&path), "{path} in {found:?}");
    }
    let text = errors.to_string();
    assert!(text.contains("did you mean server.header_timeout?"), "{text}");
    assert!(text.contains("did you mean [store]?"), "{text}");
}

#[test]
fn environment_beats_the_file_and_flags_beat_both() {
    let layers =
        |flags| Layers { file: None, environment: vec![("GANTRY__SERVER__HTTP".into(), "127.0.0.1:1".into())], flags };
    assert_eq!(Config::load(&layers(vec![])).unwrap().server.http, Listen::at("127.0.0.1:1"));
    let flag = ("server", "http", Value::String("127.0.0.1:2".into()));
    assert_eq!(Config::load(&layers(vec![flag])).unwrap().server.http, Listen::at("127.0.0.1:2"));
}

#[test]
fn sizes_and_durations_are_read_as_people_write_them() {
    let config =
        load("[ingest]\nmax_body_bytes = \"8MiB\"\nmax_age = \"30d\"\n", &[("GANTRY__SERVER__HEADER_TIMEOUT", "3s")]);
    let config = config.unwrap();
    assert_eq!(config.ingest.max_body_bytes, 8 << 20);
    assert_eq!(config.ingest.max_age, Some(Duration::from_secs(30 * 86400)));
    assert_eq!(config.server.header_timeout, Duration::from_secs(3));
}

#[test]
fn other_machines_are_let_in_only_on_purpose() {
    let errors = load("[server]\nhttp = \"0.0.0.0:3100\"\n", &[]).unwrap_err();
    assert_eq!(paths(&errors), ["server.http"]);
    load("[server]\nhttp = \"0.0.0.0:3100\"\nallow_insecure = true\n", &[]).unwrap();
    let with = |tls: &str| load(&format!("[server]\nhttp = \"0.0.0.0:3100\"\n[tls]\n{tls}"), &[]);
    let encrypted_only = with("cert = \"c\"\nkey = \"k\"\n").unwrap_err().to_string();
    assert!(encrypted_only.contains("tls.client_ca, by which clients are known, is not set"), "{encrypted_only}");
    with("cert = \"c\"\nkey = \"k\"\nclient_ca = \"a\"\n").unwrap();
    assert_eq!(paths(&with("client_ca = \"a\"\n").unwrap_err()), ["server.http", "tls.cert"]);
}

#[test]
fn what_dump_prints_is_read_back_as_the_same() {
    let text = dump(&Config::default()).unwrap();
    assert_eq!(dump(&load(&text, &[]).unwrap()).unwrap(), text);
}

#[test]
fn the_door_lets_in_what_the_longest_rule_keeps() {
    let days = |days: u64| Some(Duration::from_secs(days * 86_400));
    let rules = "[[retention.streams]]\nselector = '{app=\"audit\"}'\nperiod = \"365d\"\npriority = 1\n\
                 [[retention.streams]]\nselector = '{env=\"dev\"}'\nperiod = \"1d\"\ntenant = \"red\"\n";
    let config = load(rules, &[]).unwrap();
    assert_eq!((config.store.retention, config.ingest.max_age), (days(30), days(365)));
    assert_eq!(config.store.stream_rules.0.len(), 2);
    assert_eq!(config.store.stream_rules.0[1].0.as_ref().unwrap().as_str(), "red");
    let text = dump(&config).unwrap();
    assert_eq!(dump(&load(&text, &[]).unwrap()).unwrap(), text);
    assert_eq!(load("[store]\nretention = \"forever\"\n", &[]).unwrap().ingest.max_age, None);
    assert_eq!(load("[ingest]\nmax_age = \"2d\"\n", &[]).unwrap().ingest.max_age, days(2));
}

#[test]
fn a_rule_with_a_wrong_selector_is_named() {
    let rule = |selector: &str, period: &str| {
        format!("[[retention.streams]]\nselector = '{selector}'\nperiod = \"{period}\"\n")
    };
    let errors = load(&(rule("{app=\"a\"}", "1d") + &rule("{app=", "1d")), &[]).unwrap_err();
    assert_eq!(paths(&errors), ["retention.streams[1].selector"]);
    assert_eq!(paths(&load(&rule("{app=\"a\"} |= \"x\"", "1d"), &[]).unwrap_err()), ["retention.streams[0].selector"]);
    assert_eq!(paths(&load(&rule("{app=\"a\"}", "soon"), &[]).unwrap_err()), ["retention.streams"]);
}
