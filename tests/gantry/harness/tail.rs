//! A live tail over WebSocket, as Grafana reads it.

use super::Server;
use futures::StreamExt;
use reqwest::Url;
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const FRAME: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Tail(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// One message of the server.
#[derive(Debug)]
pub struct Frame {
    pub lines: Vec<(u64, String)>,
    /// Time and labels of the lines that this reader lost.
    pub dropped: Vec<(u64, Value)>,
}

impl Tail {
    pub async fn open(server: &Server, query: &str, more: &[(&str, &str)]) -> Tail {
        Tail::try_open(server, query, more).await.unwrap_or_else(|(status, text)| panic!("{status}: {text}"))
    }

    /// The status and text of a refusal.
    pub async fn try_open(server: &Server, query: &str, more: &[(&str, &str)]) -> Result<Tail, (u16, String)> {
        let base = format!("{}/loki/api/v1/tail", server.url().replace("http:", "ws:"));
        let parameters = [("query", query)].into_iter().chain(more.iter().copied());
        let target = Url::parse_with_params(&base, parameters).unwrap();
        match connect_async(target.as_str()).await {
            Ok((socket, _)) => Ok(Tail(socket)),
            Err(Error::Http(answer)) => {
                let text = answer.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
                Err((answer.status().as_u16(), text.into_owned()))
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// The next message with lines or losses; nothing when the server is gone.
    pub async fn frame(&mut self) -> Option<Frame> {
        while let Some(Ok(message)) = self.0.next().await {
            if let Message::Text(text) = message {
                return Some(parse(&text));
            }
        }
        None
    }

    /// Reads until `count` lines have arrived.
    pub async fn lines(&mut self, count: usize) -> Vec<String> {
        let mut lines = Vec::new();
        while lines.len() < count {
            let frame = tokio::time::timeout(FRAME, self.frame()).await;
            let frame = frame.unwrap_or_else(|_| panic!("{count} lines wanted within {FRAME:?}, got {lines:?}"));
            lines.extend(frame.expect("the server closed the tail").lines.into_iter().map(|(_, line)| line));
        }
        lines
    }
}

fn parse(text: &str) -> Frame {
    let frame: Value = serde_json::from_str(text).unwrap_or_else(|wrong| panic!("{wrong}: {text}"));
    let mut lines = Vec::new();
    for stream in frame["streams"].as_array().unwrap_or_else(|| panic!("no streams: {text}")) {
        assert!(stream["stream"].is_object(), "{text}");
        for value in stream["values"].as_array().unwrap() {
            lines.push((value[0].as_str().unwrap().parse().unwrap(), value[1].as_str().unwrap().to_owned()));
        }
    }
    let dropped = frame["dropped_entries"].as_array().into_iter().flatten();
    let dropped = dropped.map(|entry| {
        assert!(entry["labels"].is_object(), "{text}");
        (entry["timestamp"].as_str().unwrap().parse().unwrap(), entry["labels"].clone())
    });
    Frame { lines, dropped: dropped.collect() }
}
