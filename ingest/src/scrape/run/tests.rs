use super::super::fetch::{FetchError, Fetched};
use super::*;
use crate::testing::Fixture;
use async_trait::async_trait;
use parking_lot::Mutex;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

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

struct Running {
    fixture: Fixture,
    cancel: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(settings: &str, fetch: Option<Arc<dyn Fetch>>) -> Self {
        let text =
            format!("scrape_configs: [{{job_name: j, scrape_interval: 20ms, scrape_timeout: 15ms, {settings}}}]");
        let (fixture, cancel) = (Fixture::new(), CancellationToken::new());
        let file = ScrapeFile::parse(&text).unwrap();
        let mut scrape = Scrape::new(file, TenantId::default_tenant(), &fixture.metrics, &Arc::default()).unwrap();
        if let Some(fetch) = fetch {
            Arc::get_mut(&mut scrape.jobs[0]).unwrap().fetch = fetch;
        }
        let task = tokio::spawn(run(scrape, cancel.clone()));
        Running { fixture, cancel, task }
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
    let running = Running::start("static_configs: [{targets: ['h:1']}]", Some(site.clone()));
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
    let running = Running::start(&settings, Some(site));
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
    let (interval, tenant) = (Duration::from_millis(20), TenantId::default_tenant());
    let job = LocalJob { name: "node", instance: "web/1".to_owned(), interval, tenant, fetch: site.clone() };
    let task = tokio::spawn(run(Scrape::local(vec![job], &fixture.metrics, &Arc::default()), cancel.clone()));
    let running = Running { fixture, cancel, task };
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
    let running = Running::start(&settings, None);
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
