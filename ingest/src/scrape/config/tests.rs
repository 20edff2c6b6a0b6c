use super::*;

#[test]
fn prometheus_own_configuration_is_read() {
    let text = r#"
global: {scrape_interval: 15s, evaluation_interval: 30s}
rule_files: [x.yml]
scrape_configs:
  - job_name: prometheus
    static_configs:
      - targets: ["localhost:9090", "localhost:9091"]
        labels: {env: prod}
  - job_name: node
    scrape_interval: 1m30s
    scrape_timeout: 5s
    scheme: https
    params: {module: [a, b]}
    honor_labels: true
    body_size_limit: 10MB
    sample_limit: 1000
    basic_auth: {username: u, password: p}
    tls_config: {insecure_skip_verify: true}
    file_sd_configs: [{files: ["/etc/*.json"], refresh_interval: 1m}]
    relabel_configs:
      - {source_labels: [__address__], regex: "(.*):.*", target_label: host, replacement: "$1"}
    metric_relabel_configs: [{action: drop, source_labels: [__name__], regex: "go_.*"}]
"#;
    let file = ScrapeFile::parse(text).unwrap();
    let [first, second] = &file.scrape_configs[..] else { panic!("two jobs") };
    assert_eq!((first.interval(), first.timeout()), (Duration::from_secs(15), Duration::from_secs(10)));
    assert_eq!(first.static_configs[0].targets, ["localhost:9090", "localhost:9091"]);
    assert_eq!((second.interval(), second.timeout()), (Duration::from_secs(90), Duration::from_secs(5)));
    assert_eq!((second.limits.body_size_limit, second.limits.sample_limit), (10 << 20, 1000));
    assert!(!format!("{second:?}").contains("\"p\""), "passwords are not shown");
}

#[test]
fn what_is_shown_has_defaults_and_no_secrets() {
    let text = "scrape_configs: [{job_name: a, bearer_token: hidden, scrape_interval: 5s, \
                http_sd_configs: [{url: 'http://u:hidden@sd/'}]}]";
    let file = ScrapeFile::parse(text).unwrap();
    let shown = file.shown();
    assert!(!shown.contains("hidden") && shown.contains("url: http://u:xxxxx@sd/"), "{shown}");
    let again = ScrapeFile::parse(&shown).unwrap();
    assert_eq!(
        (again.scrape_configs[0].interval(), again.scrape_configs[0].metrics_path.as_str()),
        (Duration::from_secs(5), "/metrics")
    );
}

#[test]
fn what_cannot_be_followed_is_named() {
    let cases = [
        ("- {}", "job_name is empty"),
        ("- {job_name: a, scheme: ftp}", "scheme is http or https"),
        ("- {job_name: a, scrape_interval: 5s, scrape_timeout: 6s}", "scrape_timeout must be"),
        ("- {job_name: a, bearer_token: x, authorization: {credentials: y}}", "at most one of"),
        ("- {job_name: a, body_size_limit: 10 potatoes}", "no size"),
        ("- {job_name: a, dns_sd_configs: [{names: []}]}", "at least one name"),
        ("- {job_name: a, dns_sd_configs: [{names: [x], type: MX}]}", "needs a port, unless its type is SRV"),
        ("- {job_name: a, dns_sd_configs: [{names: [x], type: TXT}]}", "unknown variant `TXT`"),
        ("- {job_name: a, speed: 1}", "unknown field `speed`"),
        ("- {job_name: a, http_sd_configs: [{url: 'http://x', speed: 1}]}", "unknown field `speed`"),
        ("- {job_name: a, http_sd_configs: [{url: x}]}", "http_sd_configs needs a url"),
        (
            "- {job_name: a, http_sd_configs: [{url: 'http://x', oauth2: {}}]}",
            "http_sd_configs: oauth2 needs a client_id",
        ),
        ("- {job_name: a, native_histogram_min_bucket_factor: -1}", "native_histogram_min_bucket_factor"),
        (
            "- {job_name: a, metric_name_validation_scheme: legacy, metric_name_escaping_scheme: allow-utf-8}",
            "cannot be allow-utf-8",
        ),
        ("- {job_name: a, scrape_protocols: []}", "at least one form"),
        ("- {job_name: a, scrape_protocols: [Morse]}", "unknown variant `Morse`"),
        ("- {job_name: a}\n- {job_name: a}", "occurs twice"),
        ("- {job_name: a, relabel_configs: [{regex: \"(\"}]}", "job \"a\""),
    ];
    for (jobs, message) in cases {
        let error = ScrapeFile::parse(&format!("scrape_configs:\n{jobs}\n")).unwrap_err().to_string();
        assert!(error.contains(message), "{jobs}: {error}");
    }
}

#[test]
fn what_a_job_does_not_say_is_as_global_says() {
    let text = r#"
global: {scrape_interval: 15s, sample_limit: 5, label_limit: 30, extra_scrape_metrics: true, scrape_native_histograms: true, external_labels: {a: b}}
scrape_configs:
  - {job_name: a}
  - {job_name: b, sample_limit: 7, scrape_native_histograms: false, scrape_interval: 5s}
"#;
    let file = ScrapeFile::parse(text).unwrap();
    let of = |at: usize| {
        let job = &file.scrape_configs[at];
        (job.limits.sample_limit, job.limits.label_limit, job.protocols().len(), job.limits.extra_scrape_metrics)
    };
    assert_eq!((of(0), of(1)), ((5, 30, 5, Some(true)), (7, 30, 4, Some(true))));
    assert_eq!(file.scrape_configs[1].timeout(), Duration::from_secs(5));
}

#[test]
fn more_jobs_come_from_other_files() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write(
        "main.yml",
        "global: {scrape_interval: 5s}\nscrape_config_files: [jobs/*.yml]\nscrape_configs: [{job_name: a}]\n",
    );
    std::fs::create_dir(dir.path().join("jobs")).unwrap();
    write("jobs/b.yml", "scrape_configs: [{job_name: b}]\n");
    write("jobs/c.yml", "");
    let main = dir.path().join("main.yml");
    let file = ScrapeFile::load(&main).unwrap();
    let jobs: Vec<_> =
        file.scrape_configs.iter().map(|job| (job.job_name.as_str(), job.interval().as_secs())).collect();
    assert_eq!(jobs, [("a", 5), ("b", 5)]);
    write("jobs/c.yml", "scrape_configs: [{job_name: b}]\n");
    assert!(ScrapeFile::load(&main).unwrap_err().0.ends_with("main.yml: job_name \"b\" occurs twice"));
    write("jobs/c.yml", "speed: 1\n");
    let wrong = ScrapeFile::load(&main).unwrap_err().0;
    assert!(wrong.contains("jobs/c.yml: ") && wrong.contains("unknown field `speed`"), "{wrong}");
}
