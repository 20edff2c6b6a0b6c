//! A server that takes down what is posted to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::eventually;
use serde_json::Value;
use std::sync::Mutex;
use std::time::Instant;

/// One request: its head in lower case, its body, when it came, and the status it got.
#[derive(Clone, Debug)]
pub struct Posted {
    pub head: String,
    pub body: String,
    pub at: Instant,
    pub answered: u16,
}

impl Posted {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|wrong| panic!("{wrong}: {}", self.body))
    }

    /// The value of a header, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// Answers 200, or what was set, or nothing.
#[derive(Debug)]
pub struct Hook {
    pub url: String,
    answer: AtomicU16,
    posted: Mutex<Vec<Posted>>,
}

impl Hook {
    pub async fn open() -> Arc<Hook> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let hook = Arc::new(Hook { url, answer: AtomicU16::new(200), posted: Mutex::default() });
        let serving = hook.clone();
        tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                tokio::spawn(serving.clone().serve(connection));
            }
        });
        hook
    }

    /// The status of answers from now on; 0: none, until the sender leaves.
    pub fn answer(&self, status: u16) {
        self.answer.store(status, Ordering::SeqCst);
    }

    /// Everything so far.
    pub fn posted(&self) -> Vec<Posted> {
        self.posted.lock().unwrap().clone()
    }

    /// The documents that were taken with 200.
    pub fn taken(&self) -> Vec<Value> {
        self.posted().iter().filter(|posted| posted.answered == 200).map(Posted::json).collect()
    }

    /// Waits for the first request after the first `count` that fits.
    pub async fn wait(&self, what: &str, deadline: Duration, count: usize, fits: impl Fn(&Posted) -> bool) -> Posted {
        eventually(what, deadline, async || self.posted().into_iter().skip(count).find(&fits)).await
    }

    /// One request, then the connection ends.
    async fn serve(self: Arc<Self>, mut connection: TcpStream) {
        let Some((head, body)) = read(&mut connection).await else { return };
        let status = self.answer.load(Ordering::SeqCst);
        self.posted.lock().unwrap().push(Posted { head, body, at: Instant::now(), answered: status });
        if status == 0 {
            // Until the end of the connection, or its breaking.
            let _ = connection.read_u8().await;
            return;
        }
        let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        // The sender may be gone.
        let _ = connection.write_all(answer.as_bytes()).await;
    }
}

/// Head and body.
async fn read(connection: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if connection.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = bytes.split_off(head + 4);
    while body.len() < length {
        if connection.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((text, String::from_utf8_lossy(&body).into_owned()))
}
