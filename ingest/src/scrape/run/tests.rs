use super::super::fetch::{Fetch, FetchError, Fetched};
use super::*;
use crate::reason::Reason;
use crate::testing::Fixture;
use async_trait::async_trait;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

/// Pages by their URL.
#[derive(Debug, Default)]
pub(in crate::scrape) struct Site(Mutex<HashMap<String, String>>);

impl Site {
    pub fn serve(&self, url: &str, body: &str) {
        self.0.lock().insert(url.to_owned(), body.to_owned());
    }
}

#[async_trait]
impl Fetch for Site {
    async fn fetch(&self, url: &str, _: Duration, _: usize) -> Result<Fetched, FetchError> {
        let page = self.0.lock().get(url).cloned();
        let body = page.ok_or_else(|| FetchError::new(Reason::ScrapeFailed, "no such page"))?.into_bytes();
        Ok(Fetched { body, content_type: String::new() })
    }
}

struct Started {
    fixture: Fixture,
    scraper: Arc<Scraper>,
    cancel: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Started {
    fn start(settings: &str, fetch: Option<Arc<dyn Fetch>>) -> Self {
        let text =
            format!("scrape_configs: [{{job_name: j, scrape_interval: 20ms, scrape_timeout: 15ms, {settings}}}]");
        let (fixture, cancel) = (Fixture::new(), CancellationToken::new());
        let file = ScrapeFile::parse(&text).unwrap();
        let scraper = Scraper::new(file, TenantId::default_tenant(), &fixture.metrics, &Arc::default()).unwrap();
        if let Some(fetch) = fetch {
            scraper.wanted.send_modify(|wanted| {
                for settings in wanted.values_mut() {
                    Arc::get_mut(settings).expect("nothing runs yet").fetch = fetch.clone();
                }
            });
        }
        Started::of(scraper, fixture, cancel)
    }

    fn of(scraper: Scraper, fixture: Fixture, cancel: CancellationToken) -> Self {
        let scraper = Arc::new(scraper);
        let (running, stop) = (scraper.clone(), cancel.clone());
        let task = tokio::spawn(async move { running.run(stop).await });
        Started { fixture, scraper, cancel, task }
    }

    async fn eventually(&self, line: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.fixture.store.samples().iter().any(|stored| stored == line) {
            assert!(Instant::now() < deadline, "{line} did not come: {:?}", self.fixture.store.samples());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn counted(&self, reason: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let labels = [("source", "scrape"), ("reason", reason)];
        while self.fixture.counter("gantry_ingest_refused_requests_total", &labels) == 0.0 {
            assert!(Instant::now() < deadline, "{reason} was not counted");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn stop(self) {
        self.cancel.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.task).await.expect("it ends").unwrap();
    }
}

const UP: &str = r#"default {__name__="up", instance="h:1", job="j"} 1715680800000 1"#;
const DOWN: &str = r#"default {__name__="up", instance="h:1", job="j"} 1715680800000 0"#;

#[tokio::test]
async fn targets_are_scraped_at_their_interval_and_told_to_be_down_when_they_fail() {
    let site = Arc::new(Site::default());
    let running = Started::start("static_configs: [{targets: ['h:1']}]", Some(site.clone()));
    running.eventually(DOWN).await;
    running.counted("scrape_failed").await;
    site.serve("http://h:1/metrics", "a 1\n");
    running.eventually(UP).await;
    running.eventually(r#"default {__name__="a", instance="h:1", job="j"} 1715680800000 1"#).await;
    running.stop().await;
}

#[tokio::test]
async fn a_target_that_discovery_forgets_ends() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.yml");
    std::fs::write(&path, "- targets: ['h:1']\n").unwrap();
    let site = Arc::new(Site::default());
    site.serve("http://h:1/metrics", "a 1\n");
    let settings = format!("file_sd_configs: [{{files: ['{}'], refresh_interval: 1s}}]", path.display());
    let running = Started::start(&settings, Some(site));
    running.eventually(UP).await;
    std::fs::write(&path, "[]").unwrap();
    running.eventually(&UP.replace(" 1715680800000 1", " 1715680800000 NaN")).await;
    running.stop().await;
}

#[tokio::test]
async fn a_source_of_this_machine_is_a_target_whose_series_end_when_they_vanish() {
    let site = Arc::new(Site::default());
    site.serve("machine://localhost/node", "a 1\nb{job=\"x\"} 2\n");
    let (fixture, cancel) = (Fixture::new(), CancellationToken::new());
    let interval = Duration::from_millis(20);
    let job = LocalJob { name: "node", instance: "web/1".to_owned(), interval, fetch: site.clone() };
    let scraper = Scraper::local(&[job], TenantId::default_tenant(), &fixture.metrics, &Arc::default());
    let running = Started::of(scraper, fixture, cancel);
    let of = |name: &str, value: &str| {
        format!("default {{__name__=\"{name}\", instance=\"web/1\", job=\"node\"}} 1715680800000 {value}")
    };
    running.eventually(&of("up", "1")).await;
    running.eventually(&of("a", "1")).await;
    site.serve("machine://localhost/node", "c 3\n");
    running.eventually(&of("c", "3")).await;
    running.eventually(&of("a", "NaN")).await;
    let labels = [("source", "collect"), ("outcome", "accepted")];
    assert!(running.fixture.counter("gantry_ingest_samples_total", &labels) > 0.0, "counted apart from scrapes");
    running.stop().await;
}

/// A server that says this to every request and then keeps the connection.
async fn server(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&answer).await;
            kept.push(stream);
        }
    });
    address
}

fn answer(headers: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{headers}\r\n", body.len()).as_bytes(), body].concat()
}

fn provider() {
    // Only an earlier installation makes this fail, and then there is a provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[tokio::test]
async fn http_targets_are_read_and_cut_off_when_they_hang_or_send_too_much() {
    provider();
    let good = server(answer("content-type: text/plain\r\n", b"a 1\n")).await;
    let large = server(answer("", &vec![b'#'; 100_000])).await;
    let hanging = server(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\na".to_vec()).await;
    let settings = format!("body_size_limit: 1KB, static_configs: [{{targets: ['{good}', '{large}', '{hanging}']}}]");
    let running = Started::start(&settings, None);
    let up = |address: &str, up: u8| {
        format!("default {{__name__=\"up\", instance=\"{address}\", job=\"j\"}} 1715680800000 {up}")
    };
    running.eventually(&up(&good, 1)).await;
    running.eventually(&up(&large, 0)).await;
    running.eventually(&up(&hanging, 0)).await;
    running.counted("body_too_large").await;
    running.counted("body_timeout").await;
    running.stop().await;
}

/// A job `name` whose targets are these, scraped every 20 ms.
fn job(name: &str, target: &str, more: &str) -> ScrapeFile {
    let text = format!(
        "scrape_configs: [{{job_name: {name}, scrape_interval: 20ms, scrape_timeout: 15ms, \
         static_configs: [{{targets: ['{target}']}}], {more}}}]"
    );
    ScrapeFile::parse(&text).unwrap()
}

#[tokio::test]
async fn another_configuration_is_taken_over_and_what_is_gone_ends() {
    provider();
    let (first, second) = (server(answer("", b"a 1\nb 2\n")).await, server(answer("", b"c 3\n")).await);
    let running = Started::start(&format!("static_configs: [{{targets: ['{first}']}}]"), None);
    let line = |name: &str, of: (&str, &str), value: &str| {
        format!("default {{__name__=\"{name}\", instance=\"{}\", job=\"{}\"}} 1715680800000 {value}", of.1, of.0)
    };
    running.eventually(&line("b", ("j", &first), "2")).await;
    let change = |file: ScrapeFile| running.scraper.reconfigure(file, false).unwrap();

    let drop = "metric_relabel_configs: [{action: drop, source_labels: [__name__], regex: b}]";
    assert!(change(job("j", &first, drop)));
    assert!(!change(job("j", &first, drop)), "nothing is different");
    assert!(running.scraper.reconfigure(job("j", &first, drop), true).unwrap(), "files may be");
    running.eventually(&line("b", ("j", &first), "NaN")).await;
    let ended = line("a", ("j", &first), "NaN");
    assert!(!running.fixture.store.samples().contains(&ended), "what stays does not end");

    assert!(change(job("k", &second, "")));
    running.eventually(&ended).await;
    running.eventually(&line("up", ("j", &first), "NaN")).await;
    running.eventually(&line("c", ("k", &second), "3")).await;
    assert!(running.scraper.shown().1.contains("job_name: k"));

    let wrong = job("k", &second, "tls_config: {ca_file: /not/there}");
    assert!(running.scraper.reconfigure(wrong, false).unwrap_err().to_string().contains("/not/there"));
    assert!(!running.scraper.shown().1.contains("/not/there"), "all stays as it was");
    running.stop().await;
}
