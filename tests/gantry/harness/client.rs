//! Loki's HTTP API from the client's side.

use prost::Message;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use std::sync::Once;
use std::time::Duration;

/// One server's address with a connection pool of its own.
#[derive(Clone, Debug)]
pub struct Loki {
    pub url: String,
    http: Client,
}

/// Status, headers of interest and text of an answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<String>,
    pub text: String,
}

impl Answer {
    /// The body, which must be JSON under status 200.
    pub fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|wrong| panic!("{wrong}: {}", self.text))
    }
}

impl Loki {
    pub fn new(url: String) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // Only an earlier installation makes this fail, and then there is a provider.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        Loki { url, http: Client::builder().timeout(Duration::from_secs(60)).build().unwrap() }
    }

    /// Speaks through a client that knows more than the address.
    pub fn through(url: String, http: Client) -> Self {
        Loki { url, http }
    }

    pub fn post_request(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.url))
    }

    pub fn put_request(&self, path: &str) -> RequestBuilder {
        self.http.put(format!("{}{path}", self.url))
    }

    pub fn delete_request(&self, path: &str) -> RequestBuilder {
        self.http.delete(format!("{}{path}", self.url))
    }

    pub fn get_request(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> reqwest::Result<Answer> {
        send(self.get_request(path)).await
    }

    pub async fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        send(self.get_request(path).query(parameters)).await.unwrap()
    }

    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> reqwest::Result<Answer> {
        let request = self.post_request(path).body(body);
        send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// `POST /flush`: afterwards nothing is in memory only.
    pub async fn flush(&self) {
        let answer = self.post("/flush", &[], Vec::new()).await.unwrap();
        assert!(answer.status < 300, "flush: {} {}", answer.status, answer.text);
    }

    pub async fn compact(&self) {
        let answer = self.post("/api/v1/admin/compact", &[], Vec::new()).await.unwrap();
        assert!(answer.status < 300, "compact: {} {}", answer.status, answer.text);
    }

    /// Pushes as JSON; the answer is the caller's to judge.
    pub async fn push(&self, labels: &[(&str, &str)], lines: &[(u64, String)]) -> reqwest::Result<Answer> {
        let labels: serde_json::Map<String, Value> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let values: Vec<Value> = lines.iter().map(|(at, line)| json!([at.to_string(), line])).collect();
        let body = json!({"streams": [{"stream": labels, "values": values}]});
        self.post("/loki/api/v1/push", &[("content-type", "application/json")], body.to_string().into_bytes()).await
    }

    /// Pushes lines that must be taken.
    pub async fn push_ok(&self, labels: &[(&str, &str)], lines: &[(u64, String)]) {
        let answer = self.push(labels, lines).await.unwrap();
        assert_eq!(answer.status, 204, "{}", answer.text);
    }

    /// Pushes as protobuf under snappy, as agents do.
    pub async fn push_protobuf(&self, labels: &str, lines: &[(u64, String)]) -> reqwest::Result<Answer> {
        let headers = [("content-type", "application/x-protobuf")];
        self.post("/loki/api/v1/push", &headers, snappy(&protobuf(labels, lines))).await
    }

    pub async fn query_range(&self, query: &str, start: u64, end: u64, more: &[(&str, &str)]) -> Answer {
        let (start, end) = (start.to_string(), end.to_string());
        let mut parameters = vec![("query", query), ("start", &start), ("end", &end)];
        parameters.extend_from_slice(more);
        self.ask("/loki/api/v1/query_range", &parameters).await
    }

    /// Time and text of every line in `start..end`, oldest first, in pages of 5000. Times must differ within a stream.
    pub async fn lines(&self, query: &str, start: u64, end: u64) -> Vec<(u64, String)> {
        let (mut all, mut from) = (Vec::new(), start);
        loop {
            let page = [("limit", "5000"), ("direction", "forward")];
            let answer = self.query_range(query, from, end, &page).await.json();
            let page = entries(&answer);
            let full = page.len() == 5000;
            // The last instant of a full page may be cut: it is asked for again.
            let next = page.last().map_or(end, |(at, _)| *at);
            all.extend(page.into_iter().filter(|(at, _)| !full || *at < next));
            if !full {
                return all;
            }
            from = next;
        }
    }

    /// The value of an instant query that answers one number; 0 when it answers none.
    pub async fn number(&self, query: &str, at: u64) -> f64 {
        let answer = self.ask("/loki/api/v1/query", &[("query", query), ("time", &at.to_string())]).await.json();
        let value = &answer["data"]["result"][0]["value"][1];
        value.as_str().map_or(0.0, |text| text.parse().unwrap())
    }

    /// A metric of the server itself, summed over its labels.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.unwrap().text;
        let samples = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
        samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

pub async fn send(request: RequestBuilder) -> reqwest::Result<Answer> {
    let answer = request.send().await?;
    let retry_after = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    Ok(Answer { status: answer.status().as_u16(), retry_after, text: answer.text().await? })
}

/// Time and text of the entries of a log answer, oldest first.
pub fn entries(answer: &Value) -> Vec<(u64, String)> {
    assert_eq!(answer["data"]["resultType"], "streams", "{answer}");
    let streams = answer["data"]["result"].as_array().unwrap();
    let values = streams.iter().flat_map(|stream| stream["values"].as_array().unwrap());
    let mut entries: Vec<(u64, String)> = values
        .map(|value| (value[0].as_str().unwrap().parse().unwrap(), value[1].as_str().unwrap().to_owned()))
        .collect();
    entries.sort();
    entries
}

pub fn snappy(plain: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(plain).unwrap()
}

/// A push message with one stream.
pub fn protobuf(labels: &str, lines: &[(u64, String)]) -> Vec<u8> {
    let entries = lines
        .iter()
        .map(|(at, line)| Entry {
            time: Some(Time { seconds: (at / 1_000_000_000) as i64, nanos: (at % 1_000_000_000) as i32 }),
            line: line.clone(),
        })
        .collect();
    Push { streams: vec![Stream { labels: labels.to_owned(), entries }] }.encode_to_vec()
}

#[derive(Clone, PartialEq, Message)]
struct Push {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<Stream>,
}

#[derive(Clone, PartialEq, Message)]
struct Stream {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(message, optional, tag = "1")]
    time: Option<Time>,
    #[prost(string, tag = "2")]
    line: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}
