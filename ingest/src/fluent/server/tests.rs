use super::*;
use crate::Secret;
use crate::fluent::handshake::{digest, encode};
use crate::testing::Fixture;
use crate::transport::Plain;
use gantry_store_api::ErrorKind;
use rmpv::Value;

struct Server {
    fixture: Fixture,
    client: TcpStream,
    cancel: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(options: FluentOptions) -> Self {
        let fixture = Fixture::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cancel = CancellationToken::new();
        let serving = serve(listener, fixture.ingest.clone(), Arc::new(options), Arc::new(Plain), cancel.clone());
        let task = tokio::spawn(serving);
        Server { fixture, client: TcpStream::connect(address).await.unwrap(), cancel, task }
    }

    async fn send(&mut self, value: &Value) {
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, value).unwrap();
        self.client.write_all(&bytes).await.unwrap();
    }

    /// Everything until the server closes or has said `bytes`.
    async fn hear(&mut self, bytes: usize) -> Vec<u8> {
        let mut heard = vec![0; bytes];
        let reading = self.client.read_exact(&mut heard);
        let read = tokio::time::timeout(Duration::from_secs(10), reading).await.expect("an answer in time");
        if read.is_ok() { heard } else { Vec::new() }
    }

    async fn stop(self) -> Fixture {
        self.cancel.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.task).await.expect("stops in time").unwrap();
        self.fixture
    }
}

fn message(text: &str) -> Value {
    let record = Value::Map(vec![("message".into(), text.into())]);
    let option = Value::Map(vec![("chunk".into(), "abc".into())]);
    Value::Array(vec!["app".into(), 1_715_680_800.into(), record, option])
}

#[tokio::test]
async fn an_acknowledgement_comes_after_the_lines_are_stored() {
    let mut server = Server::start(FluentOptions::default()).await;
    server.send(&Value::Nil).await;
    for text in ["one", "two"] {
        server.send(&message(text)).await;
        assert_eq!(server.hear(ack("abc").len()).await, ack("abc"));
    }
    let expected = ["one", "two"].map(|text| format!(r#"default {{tag="app"}} 1715680800000000000 {text}"#));
    assert_eq!(server.stop().await.store.lines(), expected);
}

#[tokio::test]
async fn what_is_not_stored_is_not_acknowledged() {
    let mut server = Server::start(FluentOptions::default()).await;
    server.fixture.store.fail_with(Some(ErrorKind::Overloaded));
    server.send(&message("one")).await;
    assert_eq!(server.hear(1).await, Vec::<u8>::new(), "the connection is closed");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_know_the_key_is_told_so_and_nothing_of_it_is_read() {
    let options = FluentOptions { shared_key: Secret::new("key"), ..FluentOptions::default() };
    let mut server = Server::start(options).await;
    let ping = ["PING", "me", "salt", "proof", "", ""].map(Value::from);
    server.send(&Value::Array(ping.to_vec())).await;
    server.send(&message("one")).await;
    let mut heard = Vec::new();
    let reading = server.client.read_to_end(&mut heard);
    tokio::time::timeout(Duration::from_secs(10), reading).await.expect("hung up in time").unwrap();
    server.client.shutdown().await.unwrap();
    assert!(heard.windows(19).any(|part| part == b"shared_key mismatch"));
    let fixture = server.stop().await;
    assert_eq!(fixture.store.lines(), [""; 0]);
    let labels = [("source", "fluent"), ("reason", "unauthorized")];
    assert_eq!(fixture.counter("gantry_ingest_refused_requests_total", &labels), 1.0);
}

#[tokio::test]
async fn what_is_no_message_ends_the_connection_and_is_counted() {
    let mut server = Server::start(FluentOptions { max_message_bytes: 100, ..FluentOptions::default() }).await;
    server.send(&message(&"x".repeat(200))).await;
    assert_eq!(server.hear(1).await, Vec::<u8>::new());
    let fixture = server.stop().await;
    assert_eq!(fixture.counter("gantry_ingest_refused_requests_total", &[("reason", "invalid_frame")]), 1.0);
}

#[tokio::test]
async fn a_client_that_knows_the_key_is_let_in_and_can_check_the_server() {
    let options = FluentOptions { shared_key: Secret::new("key"), ..FluentOptions::default() };
    let mut server = Server::start(options).await;
    let mut helo = Vec::new();
    let mut scanner = Scanner::new(1000);
    while scanner.end(&helo).unwrap().is_none() {
        helo.extend(server.hear(1).await);
    }
    let helo = rmpv::decode::read_value(&mut &helo[..]).unwrap();
    let nonce = helo[1]["nonce"].as_slice().unwrap().to_vec();
    let proof = digest(&[b"salt", b"me", &nonce, b"key"]);
    server.send(&Value::Array(["PING", "me", "salt", &proof, "", ""].map(Value::from).to_vec())).await;
    let counterproof = digest(&[b"salt", b"gantry", &nonce, b"key"]);
    let parts = vec!["PONG".into(), true.into(), "".into(), "gantry".into(), counterproof.into()];
    let pong = encode(&Value::Array(parts));
    assert_eq!(server.hear(pong.len()).await, pong);
    server.send(&message("one")).await;
    assert_eq!(server.hear(ack("abc").len()).await, ack("abc"));
    assert_eq!(server.stop().await.store.lines(), [r#"default {tag="app"} 1715680800000000000 one"#]);
}
