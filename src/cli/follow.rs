//! Following live lines over Loki's tail WebSocket.

use super::Failure;
use super::client::Client;
use super::render::{Entry, entries};
use anyhow::{Context, anyhow};
use futures::{SinkExt, StreamExt};
use gantry_ingest::transport::Stream;
use gantry_model::Timestamp;
use rustls_pki_types::ServerName;
use serde_json::Value;
use std::io::Write;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Prints lines as they arrive until interrupted or the server stops.
pub async fn follow(
    client: &Client,
    query: &str,
    start: Timestamp,
    limit: u32,
    render: impl Fn(&Entry) -> String,
) -> Result<(), Failure> {
    let mut socket = connect(client, query, start, limit).await?;
    let mut interrupted = Box::pin(tokio::signal::ctrl_c());
    loop {
        let message = tokio::select! {
            message = socket.next() => message,
            _ = &mut interrupted => {
                let _ = socket.close(None).await;
                return Ok(());
            }
        };
        match message {
            Some(Ok(Message::Text(text))) => print_frame(&text, &render)?,
            Some(Ok(Message::Ping(payload))) => {
                socket.send(Message::Pong(payload)).await.map_err(anyhow::Error::from)?
            }
            Some(Ok(Message::Close(frame))) => {
                let why = frame.map(|frame| frame.reason.to_string()).filter(|why| !why.is_empty());
                return Err(
                    anyhow!("the server closed the tail: {}", why.as_deref().unwrap_or("it is stopping")).into()
                );
            }
            Some(Ok(_)) => {}
            Some(Err(cause)) => return Err(anyhow!("the connection broke: {cause}").into()),
            None => return Err(anyhow!("the server closed the tail").into()),
        }
    }
}

type Socket = tokio_tungstenite::WebSocketStream<Box<dyn Stream>>;

async fn connect(client: &Client, query: &str, start: Timestamp, limit: u32) -> Result<Socket, Failure> {
    let mut url = reqwest::Url::parse(client.address()).context("--addr is no URL")?;
    let scheme = if client.tls().is_some() { "wss" } else { "ws" };
    if url.set_scheme(scheme).is_err() {
        return Err(anyhow!(
            "{} is no address of a server: it begins with neither http:// nor https://",
            client.address()
        )
        .into());
    }
    url.set_path("/loki/api/v1/tail");
    let parameters = [("query", query), ("start", &start.nanos().to_string()), ("limit", &limit.to_string())];
    url.query_pairs_mut().extend_pairs(parameters);
    let mut request = url.as_str().into_client_request().context("the request cannot be built")?;
    request.headers_mut().extend(client.headers().clone());
    let connection = open(client, &url).await?;
    match tokio_tungstenite::client_async(request, connection).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Io(cause)) => Err(client.failed(cause)),
        Err(Error::Http(response)) => {
            let status = response.status();
            let text = response.into_body().map(|body| String::from_utf8_lossy(&body).trim().to_owned());
            Err(anyhow!("the server answered {status}: {}", text.unwrap_or_default()).into())
        }
        Err(other) => Err(anyhow!("{other}").into()),
    }
}

/// The connection under the WebSocket.
async fn open(client: &Client, url: &reqwest::Url) -> Result<Box<dyn Stream>, Failure> {
    let host = url.host_str().context("--addr names no host")?.trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().context("--addr names no port")?;
    let plain = TcpStream::connect((&*host, port)).await.map_err(|cause| client.failed(cause))?;
    let Some(tls) = client.tls() else { return Ok(Box::new(plain)) };
    let name = ServerName::try_from(host).context("--addr names no host that a certificate could be for")?;
    let secure = TlsConnector::from(tls).connect(name, plain).await.map_err(|cause| client.failed(cause))?;
    Ok(Box::new(secure))
}

/// Lines to standard output, word of lost lines to standard error.
fn print_frame(text: &str, render: &impl Fn(&Entry) -> String) -> Result<(), Failure> {
    let frame: Value = serde_json::from_str(text).context("a frame of the tail is no JSON")?;
    let mut out = std::io::stdout().lock();
    for entry in entries(&frame["streams"]) {
        writeln!(out, "{}", render(&entry))?;
    }
    out.flush()?;
    let listed = frame["dropped_entries"].as_array().map_or(0, Vec::len) as u64;
    let dropped = frame["dropped_count"].as_u64().unwrap_or(listed);
    if dropped > 0 {
        eprintln!(
            "gantry: {dropped} lines were dropped here: they came faster than they were read; they can still be queried"
        );
    }
    Ok(())
}
