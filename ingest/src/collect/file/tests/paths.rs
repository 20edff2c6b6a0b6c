//! Container runtimes: formats, labels, joined lines.

use super::*;

#[tokio::test]
async fn pods_are_labelled_by_their_path_and_partial_lines_are_joined() {
    let yard = Yard::new();
    let container = yard.at("pods/shop_checkout-6d4cf56db6-x7k2p_1b2c-3d4e/app");
    std::fs::create_dir_all(&container).unwrap();
    let log = container.join("0.log");
    write(&log, "2026-01-02T03:04:05.000000001Z stdout P half a \n2026-01-02T03:04:05.000000002Z stderr F oops\n");
    let running = yard.follow("pods/*/*/*.log");
    yard.wait_for_bodies(&["oops"]).await;
    running.stop().await;
    write(&log, "2026-01-02T03:04:05.000000003Z stdout F line\n");
    let running = yard.follow("pods/*/*/*.log");
    yard.sink.wait_for(|lines| lines.iter().any(|line| line.body == "half a line")).await;
    running.stop().await;
    let lines: Vec<Arrived> = yard.sink.distinct().into_iter().collect();
    assert_eq!(lines.len(), 2, "what a restart sent again is equal");
    for (name, value) in [("namespace", "shop"), ("pod", "checkout-6d4cf56db6-x7k2p"), ("app", "checkout")] {
        assert!(lines.iter().all(|line| line.labels.get(name) == Some(value)), "{name}");
    }
    let joined = lines.iter().find(|line| line.body == "half a line").unwrap();
    assert_eq!((joined.labels.get("stream"), joined.at.0), (Some("stdout"), 1_767_323_045_000_000_001));
}

#[tokio::test]
async fn docker_files_are_read_with_their_containers_name() {
    let yard = Yard::new();
    let id = "4f".repeat(32);
    let home = yard.at(&id);
    std::fs::create_dir(&home).unwrap();
    std::fs::write(home.join("config.v2.json"), r#"{"Name":"/db","Config":{"Image":"postgres:18"}}"#).unwrap();
    let line = r#"{"log":"ready\n","stream":"stderr","time":"2026-01-02T03:04:05Z"}"#;
    write(&home.join(format!("{id}-json.log")), format!("{line}\n"));
    let running = yard.start(FileOptions { format: Format::Docker, ..yard.options(&["*/*-json.log"]) });
    yard.wait_for_bodies(&["ready"]).await;
    running.stop().await;
    let labels = &yard.sink.lines()[0].labels;
    assert_eq!((labels.get("container"), labels.get("image")), (Some("db"), Some("postgres:18")));
    assert_eq!(labels.get("container_id"), Some("4f4f4f4f4f4f"));
}

#[tokio::test]
async fn traces_of_a_container_are_joined_for_each_of_its_streams() {
    let yard = Yard::new();
    let lines = [
        "2016-10-06T00:17:09.1Z stderr F java.lang.IllegalStateException: no card",
        "2016-10-06T00:17:09.2Z stdout F GET /pay",
        "2016-10-06T00:17:09.2Z stderr P \tat org.shop.",
        "2016-10-06T00:17:09.3Z stdout F   took 7 ms",
        "2016-10-06T00:17:09.3Z stderr F Pay.go(Pay.java:7)",
        "2016-10-06T00:17:19.3Z stderr F \tat another.time(T.java:1)",
    ];
    write(&yard.at("app.log"), lines.join("\n") + "\n");
    let running = yard.follow("*.log");
    yard.wait_for_lines(3).await;
    running.wait_for_metric("lines_total", 5.0).await;
    running.wait_for_metric("lag_bytes", 0.0).await;
    running.stop().await;
    let mut bodies = yard.sink.bodies();
    bodies.sort();
    let late = "\tat another.time(T.java:1)";
    let trace = "java.lang.IllegalStateException: no card\n\tat org.shop.Pay.go(Pay.java:7)";
    assert_eq!(bodies, [late, "GET /pay\n  took 7 ms", trace]);
}

#[derive(Debug)]
struct Owner;

impl Enrich for Owner {
    fn labels(&self, path: &Path) -> Vec<(String, String)> {
        let of = |name: &str| if path.to_string_lossy().contains(name) { "known" } else { "unknown" };
        vec![("owner".to_owned(), of("shop").to_owned()), ("pod".to_owned(), "renamed".to_owned())]
    }
}

#[tokio::test]
async fn an_enricher_adds_labels_over_those_of_the_path_and_under_those_of_the_configuration() {
    let yard = Yard::new();
    let container = yard.at("pods/shop_checkout-6d4cf56db6-x7k2p_1b2c-3d4e/app");
    std::fs::create_dir_all(&container).unwrap();
    write(&container.join("0.log"), "2026-01-02T03:04:05.000000001Z stdout F line\n");
    let labels = [("owner".to_owned(), "me".to_owned())].into();
    let options = FileOptions { labels, ..yard.options(&["pods/*/*/*.log"]) };
    let metrics = CollectMetrics::register(&Registry::new()).unwrap();
    let collector = FileCollector::new(options, yard.sink.clone(), Arc::new(SystemClock), &metrics).unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(collector.enriched_by(Arc::new(Owner)).run(stop.clone()));
    yard.wait_for_bodies(&["line"]).await;
    stop.cancel();
    running.await.unwrap();
    let labels = &yard.sink.lines()[0].labels;
    let found = ["namespace", "pod", "owner"].map(|name| labels.get(name));
    assert_eq!(found, [Some("shop"), Some("renamed"), Some("me")]);
}
