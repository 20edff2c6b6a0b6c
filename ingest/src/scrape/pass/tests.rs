use super::super::ScrapeFile;
use super::*;
use crate::testing::told;

struct Job {
    settings: Settings,
    target: Target,
    memory: Memory,
}

impl Job {
    fn new(settings: &str) -> Self {
        // Another test may have chosen before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let file = ScrapeFile::parse(&format!("scrape_configs: [{{job_name: j, {settings}}}]")).unwrap();
        let settings = Settings::new(file.scrape_configs[0].clone()).unwrap();
        let discovered = Target::discovered(&settings.config, "h:1", &BTreeMap::new());
        let target = Target::new(&settings.config, &settings.rules, &discovered).unwrap().unwrap();
        Job { settings, target, memory: Memory::default() }
    }

    fn pass(&mut self, now_ms: i64, body: Result<&str, Failed>) -> (Vec<String>, Option<Failed>) {
        let Job { settings, target, memory } = self;
        let pass = Pass { settings, target, now_ms };
        let body = body.map(|text| (text.as_bytes(), ExpositionFormat::Text(TextFormat::Prometheus)));
        let (incoming, failed) = pass.samples(body, Duration::from_millis(250), memory);
        (told(&incoming), failed)
    }

    /// Without what is told of the scrape itself.
    fn read(&mut self, now_ms: i64, body: &str) -> Vec<String> {
        let (mut lines, failed) = self.pass(now_ms, Ok(body));
        assert_eq!(failed, None);
        lines.retain(|line| !line.contains("\"scrape_") && !line.contains("\"up\""));
        lines
    }
}

#[test]
fn samples_come_with_the_labels_of_their_target_and_a_report() {
    let (lines, failed) = Job::new("").pass(1000, Ok("# TYPE a counter\na{x=\"1\"} 2\nb 3 500\n"));
    let of = |name: &str, value: &str| format!("{{__name__=\"{name}\", instance=\"h:1\", job=\"j\"}} 1000 {value}");
    let expected = [
        r#"{__name__="a", instance="h:1", job="j", x="1"} 1000 2"#.to_owned(),
        r#"{__name__="b", instance="h:1", job="j"} 500 3"#.to_owned(),
        of("up", "1"),
        of("scrape_duration_seconds", "0.25"),
        of("scrape_samples_scraped", "2"),
        of("scrape_samples_post_metric_relabeling", "2"),
        of("scrape_series_added", "1"),
        r##"# a counter "" """##.to_owned(),
    ];
    assert_eq!((lines, failed), (expected.to_vec(), None));
}

#[test]
fn a_series_that_vanishes_ends() {
    let mut job = Job::new("");
    job.read(1000, "a 1\nb 2\n");
    assert_eq!(
        job.read(2000, "a 1\n"),
        [r#"{__name__="a", instance="h:1", job="j"} 2000 1"#, r#"{__name__="b", instance="h:1", job="j"} 2000 NaN"#]
    );
    assert_eq!(job.read(3000, "a 1\n").len(), 1, "it ends once");
}

#[test]
fn all_series_end_when_a_scrape_fails_or_the_target_goes() {
    let mut job = Job::new("");
    job.read(1000, "a 1\n");
    let (lines, failed) = job.pass(2000, Err(Failed::new(Reason::ScrapeFailed, "refused")));
    assert_eq!(lines[0], r#"{__name__="a", instance="h:1", job="j"} 2000 NaN"#);
    assert_eq!(lines[1], r#"{__name__="up", instance="h:1", job="j"} 2000 0"#);
    assert_eq!(failed.unwrap().reason, Reason::ScrapeFailed);
    job.read(3000, "a 1\n");
    let Job { settings, target, memory } = &mut job;
    let ended = told(&Pass { settings, target, now_ms: 4000 }.ended(memory));
    assert_eq!(ended.len(), 6);
    assert!(ended.iter().all(|line| line.ends_with(" 4000 NaN")), "{ended:?}");
}

#[test]
fn a_broken_line_fails_the_whole_scrape() {
    let (lines, failed) = Job::new("").pass(1000, Ok("a 1\nb\n"));
    assert_eq!(failed.unwrap().message, "line 2, column 2: expected a number");
    assert!(lines[0].contains("\"up\"") && lines[0].ends_with(" 0"), "{lines:?}");
}

#[test]
fn labels_of_the_exporter_give_way_or_win() {
    let body = "a{job=\"own\",exported_job=\"x\"} 1\n";
    let given_way = r#"{__name__="a", exported_exported_job="own", exported_job="x", instance="h:1", job="j"} 1000 1"#;
    assert_eq!(Job::new("").read(1000, body), [given_way]);
    let won = r#"{__name__="a", exported_job="x", instance="h:1", job="own"} 1000 1"#;
    assert_eq!(Job::new("honor_labels: true").read(1000, body), [won]);
}

#[test]
fn times_of_the_exporter_can_be_ignored() {
    let line = r#"{__name__="a", instance="h:1", job="j"} 1000 1"#;
    assert_eq!(Job::new("honor_timestamps: false").read(1000, "a 1 5\n"), [line]);
}

#[test]
fn metrics_are_relabelled_and_dropped_ones_do_not_count() {
    let rules = "sample_limit: 1, metric_relabel_configs: [{action: drop, source_labels: [__name__], regex: go_.*}, \
                 {action: labeldrop, regex: x}]";
    let read = Job::new(rules).read(1000, "go_a 1\na{x=\"1\"} 2\ngo_b 3\n");
    assert_eq!(read, [r#"{__name__="a", instance="h:1", job="j"} 1000 2"#]);
}

#[test]
fn limits_fail_the_scrape() {
    let cases = [
        ("sample_limit: 1", Reason::SampleLimit),
        ("label_limit: 3", Reason::LabelLimit),
        ("label_name_length_limit: 9", Reason::LabelLimit),
        ("label_value_length_limit: 5", Reason::LabelLimit),
        (
            "metric_name_validation_scheme: legacy, metric_relabel_configs: [{target_label: __name__, replacement: a.b}]",
            Reason::InvalidLabels,
        ),
        (
            "metric_name_validation_scheme: legacy, metric_relabel_configs: [{target_label: a.b, replacement: c}]",
            Reason::InvalidLabels,
        ),
        ("metric_relabel_configs: [{target_label: __name__, replacement: ''}]", Reason::MissingMetricName),
    ];
    for (settings, reason) in cases {
        let (lines, failed) = Job::new(settings).pass(1000, Ok("a{long_label=\"longer\"} 1\nb 2\n"));
        assert_eq!(failed.unwrap().reason, reason, "{settings}");
        assert!(lines[0].contains("\"up\""), "{settings}: nothing of it is stored");
    }
}

#[test]
fn protobuf_is_relabelled_like_a_text_and_has_native_histograms() {
    let settings = "metric_relabel_configs: [{source_labels: [__name__], regex: 's|s_.*|h_.*', action: drop}]";
    let Job { settings, target, mut memory } = Job::new(settings);
    let pass = |now_ms| Pass { settings: &settings, target: &target, now_ms };
    let body = crate::decode::families_in_protobuf();
    let format = ExpositionFormat::Protobuf;
    let (incoming, failed) = pass(1000).samples(Ok((&body, format)), Duration::ZERO, &mut memory);
    assert_eq!(failed, None);
    let lines = told(&incoming);
    assert_eq!(lines[0], r#"{__name__="c_total", a="1", instance="h:1", job="j"} 5 3"#);
    assert_eq!(lines[1], r#"{__name__="c_total", a="1", instance="h:1", job="j"} # {id="7"} 5 2"#);
    assert!(lines[2].starts_with(r#"{__name__="n", instance="h:1", job="j"} 1000 "#), "{}", lines[2]);
    assert_eq!((incoming.batch.histogram_count(), lines[3].contains("\"up\"")), (1, true));
    let (incoming, _) = pass(2000).samples(Ok((b"", format)), Duration::ZERO, &mut memory);
    let stale = told(&incoming).into_iter().filter(|line| line.contains("NaN")).count();
    assert_eq!(stale, 1, "the histogram ends; the counter has times of its own");
    let (_, failed) = pass(3000).samples(Ok((&body[..40], format)), Duration::ZERO, &mut memory);
    assert_eq!(failed.map(|failed| failed.reason), Some(Reason::InvalidProtobuf));
}

#[test]
fn series_with_times_of_their_own_end_where_that_is_wished() {
    let mut job = Job::new("track_timestamps_staleness: true");
    job.read(1000, "a 1 500\n");
    assert_eq!(job.read(2000, ""), [r#"{__name__="a", instance="h:1", job="j"} 2000 NaN"#]);
    let mut usual = Job::new("");
    usual.read(1000, "a 1 500\n");
    assert!(usual.read(2000, "").is_empty());
}

#[test]
fn more_is_told_of_a_scrape_where_that_is_wished() {
    let mut job = Job::new("extra_scrape_metrics: true, sample_limit: 9, scrape_timeout: 5s");
    let of =
        |name: &str, at: i64, value: &str| format!("{{__name__=\"{name}\", instance=\"h:1\", job=\"j\"}} {at} {value}");
    let (lines, _) = job.pass(1000, Ok("a 1\n"));
    for (name, value) in
        [("scrape_timeout_seconds", "5"), ("scrape_sample_limit", "9"), ("scrape_body_size_bytes", "4")]
    {
        assert!(lines.contains(&of(name, 1000, value)), "{name}: {lines:?}");
    }
    let (lines, _) = job.pass(2000, Err(Failed::new(Reason::BodyTooLarge, "large")));
    assert!(lines.contains(&of("scrape_body_size_bytes", 2000, "-1")), "{lines:?}");
    let Job { settings, target, memory } = &mut job;
    assert_eq!(told(&Pass { settings, target, now_ms: 3000 }.ended(memory)).len(), 8);
}

const CLASSIC: &str = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 3\nh_sum 5\nh_count 3\n\
                       # TYPE s summary\ns_sum 1\ns_count 1\n";

#[test]
fn classic_histograms_become_native_ones_where_that_is_wished() {
    let names = |settings: &str| -> Vec<String> {
        let read = Job::new(settings).read(1000, CLASSIC);
        let samples = read.iter().filter(|line| line.starts_with('{'));
        samples.map(|line| line.split('"').nth(1).unwrap().to_owned()).collect()
    };
    assert_eq!(names(""), ["h_bucket", "h_bucket", "h_sum", "h_count", "s_sum", "s_count"]);
    let convert = "convert_classic_histograms_to_nhcb: true";
    assert_eq!(names(convert), ["s_sum", "s_count", "h"]);
    let both = format!("{convert}, always_scrape_classic_histograms: true");
    assert_eq!(names(&both), ["h_bucket", "h_bucket", "h_sum", "h_count", "s_sum", "s_count", "h"]);
    let (_, failed) = Job::new(&format!("{convert}, native_histogram_bucket_limit: 1")).pass(1000, Ok(CLASSIC));
    assert_eq!(failed.map(|failed| failed.reason), Some(Reason::SampleLimit));
}

#[test]
fn what_has_a_native_histogram_is_not_converted_a_second_time() {
    let settings = "convert_classic_histograms_to_nhcb: true, always_scrape_classic_histograms: true";
    let Job { settings, target, mut memory } = Job::new(settings);
    let pass = Pass { settings: &settings, target: &target, now_ms: 1000 };
    let body = crate::decode::families_in_protobuf();
    let (incoming, failed) = pass.samples(Ok((&body, ExpositionFormat::Protobuf)), Duration::ZERO, &mut memory);
    let lines = told(&incoming);
    let of = |name: &str| lines.iter().filter(|line| line.starts_with(&format!("{{__name__=\"{name}\""))).count();
    assert_eq!((failed, of("n"), of("n_bucket"), of("h"), of("h_bucket"), of("s_sum")), (None, 1, 2, 1, 2, 1));
}
