use super::super::serve_udp;
use super::*;
use crate::testing::Fixture;
use crate::transport::Plain;
use gantry_store_api::ErrorKind;
use std::future::Future;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::UdpSocket;

async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not come true");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn within_10_s(future: impl Future) {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("the server ends");
}

struct Server {
    fixture: Fixture,
    cancel: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    address: std::net::SocketAddr,
}

impl Server {
    async fn tcp(options: SyslogOptions) -> Self {
        let (fixture, cancel) = (Fixture::new(), CancellationToken::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(serve_tcp(
            listener,
            fixture.ingest.clone(),
            Arc::new(options),
            Arc::new(Plain),
            cancel.clone(),
        ));
        Server { fixture, cancel, task, address }
    }

    async fn udp(options: SyslogOptions) -> Self {
        let (fixture, cancel) = (Fixture::new(), CancellationToken::new());
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let task = tokio::spawn(serve_udp(socket, fixture.ingest.clone(), Arc::new(options), cancel.clone()));
        Server { fixture, cancel, task, address }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    fn lines(&self) -> Vec<String> {
        self.fixture.store.lines()
    }

    fn dropped(&self, reason: &str) -> f64 {
        self.fixture.counter("gantry_ingest_lines_total", &[("outcome", "dropped"), ("reason", reason)])
    }
}

#[tokio::test]
async fn messages_over_tcp_are_stored_with_labels_and_metadata() {
    let server = Server::tcp(SyslogOptions::default()).await;
    let mut client = server.connect().await;
    let counted = "<165>1 2024-05-14T10:00:00Z h app 77 ID47 [x@1 k=\"v\"] one";
    client
        .write_all(format!("{} {counted}<34>May 14 10:00:00 h su[7]: two\n", counted.len()).as_bytes())
        .await
        .unwrap();
    eventually("two lines", || server.lines().len() == 2).await;
    let expected = [
        r#"default {app="app", host="h", level="notice", source="syslog"} 1715680800000000000 one {"facility":"local4","msgid":"ID47","procid":"77","x_1_k":"v"}"#,
        r#"default {app="su", host="h", level="critical", source="syslog"} 1715680800000000000 two {"facility":"auth","procid":"7"}"#,
    ];
    assert_eq!(server.lines(), expected);
}

#[tokio::test]
async fn messages_that_are_lines_of_a_trace_are_one_line_and_streams_are_kept_apart() {
    let server = Server::tcp(SyslogOptions::default()).await;
    let mut client = server.connect().await;
    let head = |host: &str| format!("<11>1 2024-05-14T10:00:00Z {host} app 77 - - ");
    let lines = [
        head("one") + "java.lang.IllegalStateException: x",
        head("two") + "other",
        head("one") + "\tat a.B.c(B.java:1)",
        head("one") + "Caused by: y",
    ];
    client.write_all((lines.join("\n") + "\n").as_bytes()).await.unwrap();
    eventually("two lines", || server.lines().len() == 2).await;
    let trace = "java.lang.IllegalStateException: x\n\tat a.B.c(B.java:1)\nCaused by: y";
    assert!(server.lines().iter().any(|line| line.contains(trace) && line.contains("host=\"one\"")));
}

#[tokio::test]
async fn what_was_read_is_submitted_when_the_server_stops() {
    let batch_age = Duration::from_secs(3600);
    let server = Server::tcp(SyslogOptions { batch_bytes: 200, batch_age, ..SyslogOptions::default() }).await;
    let mut client = server.connect().await;
    let fills_a_batch = "x".repeat(200);
    client.write_all(format!("<13>{fills_a_batch}\n").as_bytes()).await.unwrap();
    eventually("the full batch", || server.lines().len() == 1).await;
    client.write_all(b"<13>second\n<13>unfinished").await.unwrap();
    server.cancel.cancel();
    within_10_s(server.task).await;
    assert_eq!(server.fixture.store.lines().len(), 3);
}

#[tokio::test]
async fn frames_over_the_limit_are_counted_and_the_connection_goes_on() {
    let server = Server::tcp(SyslogOptions { max_frame_bytes: 10, ..SyslogOptions::default() }).await;
    let mut client = server.connect().await;
    client.write_all(b"<13>this is too long\n<13>fine\n").await.unwrap();
    eventually("the fine line", || server.lines().len() == 1).await;
    assert_eq!(server.dropped("invalid_frame"), 1.0);
}

#[tokio::test]
async fn a_store_that_does_not_accept_holds_the_sender_back_until_it_does() {
    let server = Server::tcp(SyslogOptions { batch_age: Duration::ZERO, ..SyslogOptions::default() }).await;
    server.fixture.store.fail_with(Some(ErrorKind::Overloaded));
    let mut client = server.connect().await;
    client.write_all(b"<13>kept\n").await.unwrap();
    let refused = || server.fixture.counter("gantry_ingest_lines_total", &[("outcome", "refused")]);
    eventually("a refusal", || refused() >= 1.0).await;
    server.fixture.store.fail_with(None);
    eventually("the line", || server.lines().len() == 1).await;
    assert_eq!(server.dropped("overloaded"), 0.0);
}

#[tokio::test]
async fn connections_over_the_limit_are_closed() {
    let server = Server::tcp(SyslogOptions { max_connections: 1, ..SyslogOptions::default() }).await;
    let mut first = server.connect().await;
    first.write_all(b"<13>in\n").await.unwrap();
    eventually("the first line", || server.lines().len() == 1).await;
    let mut second = server.connect().await;
    let mut byte = [0];
    within_10_s(second.read(&mut byte)).await;
    assert_eq!(server.fixture.counter("gantry_ingest_refused_requests_total", &[("source", "syslog_tcp")]), 1.0);
}

#[tokio::test]
async fn datagrams_are_stored_and_those_that_wait_survive_the_stop() {
    let options = SyslogOptions { batch_age: Duration::from_secs(3600), ..SyslogOptions::default() };
    let server = Server::udp(options).await;
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for text in ["<13>one", "<13>tw\u{fffd}"] {
        client.send_to(text.as_bytes(), server.address).await.unwrap();
    }
    client.send_to(b"<13>thr\xffe", server.address).await.unwrap();
    server.cancel.cancel();
    within_10_s(server.task).await;
    assert_eq!(server.fixture.store.lines().len(), 3);
    assert_eq!(server.fixture.counter("gantry_ingest_invalid_utf8_total", &[("source", "syslog_udp")]), 1.0);
}

#[tokio::test]
async fn datagrams_beyond_what_can_wait_are_dropped_and_counted() {
    let options = SyslogOptions { batch_bytes: 200, batch_age: Duration::ZERO, ..SyslogOptions::default() };
    let server = Server::udp(options).await;
    server.fixture.store.fail_with(Some(ErrorKind::StorageFull));
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.dropped("overloaded") == 0.0 {
        assert!(Instant::now() < deadline);
        client.send_to(b"<13>0123456789012345678901234567890123456789", server.address).await.unwrap();
        tokio::task::yield_now().await;
    }
}
