use super::*;
use crate::testing::Fixture;
use crate::transport::Plain;
use gantry_store_api::ErrorKind;
use std::net::SocketAddr;
use tokio::io::AsyncWriteExt;

struct Server {
    fixture: Fixture,
    cancel: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    udp: SocketAddr,
    tcp: SocketAddr,
}

impl Server {
    async fn start(options: StatsdOptions) -> Self {
        let (fixture, cancel) = (Fixture::new(), CancellationToken::new());
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = (udp.local_addr().unwrap(), tcp.local_addr().unwrap());
        let sockets = Sockets { udp: Some(udp), tcp: Some(tcp) };
        let door = fixture.metrics.clone();
        let task = tokio::spawn(serve(sockets, door, Arc::new(options), Arc::new(Plain), cancel.clone()));
        Server { fixture, cancel, task, udp: at.0, tcp: at.1 }
    }

    async fn datagram(&self, lines: &str) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(lines.as_bytes(), self.udp).await.unwrap();
    }

    async fn write(&self, bytes: &[u8]) {
        let mut stream = TcpStream::connect(self.tcp).await.unwrap();
        stream.write_all(bytes).await.unwrap();
    }

    fn values(&self) -> Vec<String> {
        let mut samples = self.fixture.store.samples();
        samples.sort();
        samples.dedup();
        samples
    }

    async fn eventually(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !condition(self) {
            assert!(Instant::now() < deadline, "{what} did not come true: {:?}", self.values());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn stop(self) -> Fixture {
        self.cancel.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.task).await.expect("the server ends").unwrap();
        self.fixture
    }
}

fn quick() -> StatsdOptions {
    StatsdOptions { flush_interval: Duration::from_millis(5), ..StatsdOptions::default() }
}

fn slow() -> StatsdOptions {
    StatsdOptions { flush_interval: Duration::from_secs(3600), ..StatsdOptions::default() }
}

#[tokio::test]
async fn datagrams_and_connections_feed_the_same_series() {
    let server = Server::start(quick()).await;
    server.datagram("hits:1|c\nlevel:3|g").await;
    server.write(b"hits:2|c\n").await;
    server.eventually("both are added", |s| s.values().iter().any(|line| line.ends_with("1715680800000 3"))).await;
    server.eventually("the sum", |s| s.values().iter().any(|l| l.contains("\"hits\"") && l.ends_with(" 3"))).await;
    server.stop().await;
}

#[tokio::test]
async fn what_was_received_is_stored_at_the_end() {
    let server = Server::start(slow()).await;
    server.datagram("hits:1|c").await;
    server.write(b"hits:2|c\nhits:4|c").await;
    let fixture = server.stop().await;
    assert_eq!(fixture.store.samples(), [r#"default {__name__="hits"} 1715680800000 7"#]);
}

#[tokio::test]
async fn lines_that_cannot_be_taken_are_counted() {
    let server = Server::start(StatsdOptions { max_line_bytes: 100, ..slow() }).await;
    server.datagram("broken\nhits:1|c").await;
    server.write(format!("{}\nhits:2|c\n", "x".repeat(100_000)).as_bytes()).await;
    let dropped = |fixture: &Fixture, source, reason| {
        let labels = [("source", source), ("outcome", "dropped"), ("reason", reason)];
        fixture.counter("gantry_ingest_samples_total", &labels)
    };
    server.eventually("the count", |s| dropped(&s.fixture, "statsd_udp", "invalid_text") == 1.0).await;
    server.eventually("the count", |s| dropped(&s.fixture, "statsd_tcp", "invalid_frame") == 1.0).await;
    let fixture = server.stop().await;
    assert_eq!(fixture.store.samples(), [r#"default {__name__="hits"} 1715680800000 3"#]);
}

#[tokio::test]
async fn a_store_that_is_away_for_a_while_costs_no_count() {
    let server = Server::start(quick()).await;
    server.fixture.store.fail_with(Some(ErrorKind::Unavailable));
    server.datagram("hits:1|c").await;
    let failed = |s: &Server| s.fixture.counter("gantry_ingest_refused_requests_total", &[("source", "statsd")]);
    server.eventually("a flush that fails", |s| failed(s) >= 1.0).await;
    server.datagram("hits:2|c").await;
    server.fixture.store.fail_with(None);
    server.eventually("the sum", |s| s.values() == [r#"default {__name__="hits"} 1715680800000 3"#]).await;
    server.stop().await;
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_and_counted() {
    let server = Server::start(StatsdOptions { max_connections: 0, ..slow() }).await;
    server.write(b"hits:1|c\n").await;
    let labels = [("source", "statsd_tcp"), ("reason", "overloaded")];
    server.eventually("count", |s| s.fixture.counter("gantry_ingest_refused_requests_total", &labels) == 1.0).await;
    assert!(server.stop().await.store.samples().is_empty());
}
