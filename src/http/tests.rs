use super::*;
use axum::body::Body;
use axum::http::StatusCode;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

fn app() -> App {
    App::new(prometheus::Registry::new()).unwrap()
}

async fn status_of(router: &Router, path: &str) -> StatusCode {
    let request = Request::get(path).body(Body::empty()).unwrap();
    router.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn before_recovery_is_done_only_the_process_itself_answers() {
    let router = app().router();
    assert_eq!(status_of(&router, "/ready").await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(status_of(&router, "/loki/api/v1/labels").await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(status_of(&router, "/healthz").await, StatusCode::OK);
    assert_eq!(status_of(&router, "/-/healthy").await, StatusCode::OK, "Prometheus' name");
    assert_eq!(status_of(&router, "/metrics").await, StatusCode::OK);
}

#[tokio::test]
async fn a_client_that_says_nothing_is_hung_up_on() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let limits = ServeLimits { connections: 1, header_timeout: Duration::from_millis(50) };
    let serving = tokio::spawn(serve(listener, app().router(), limits, None, stop.clone()));
    let mut silent = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), silent.read_to_end(&mut rest)).await;
    assert_eq!(read.expect("hung up in time").unwrap(), 0);
    // The only slot is free again.
    let mut next = tokio::net::TcpStream::connect(address).await.unwrap();
    next.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    next.read_to_end(&mut rest).await.unwrap();
    assert!(rest.starts_with(b"HTTP/1.1 200"));
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), serving).await.expect("stops in time").unwrap().unwrap();
}
