//! Loki's push message, as the client side encodes it (field numbers of logproto's `PushRequest`), under snappy.

use anyhow::Result;
use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub struct PushRequest {
    #[prost(message, repeated, tag = "1")]
    pub streams: Vec<PushStream>,
}

#[derive(Clone, PartialEq, Message)]
pub struct PushStream {
    /// As in a selector: `{app="web", pod="web-0"}`.
    #[prost(string, tag = "1")]
    pub labels: String,
    #[prost(message, repeated, tag = "2")]
    pub entries: Vec<PushEntry>,
}

#[derive(Clone, PartialEq, Message)]
pub struct PushEntry {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<PushTime>,
    #[prost(string, tag = "2")]
    pub line: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct PushTime {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

impl PushEntry {
    pub fn new(at_ns: u64, line: String) -> Self {
        let (seconds, nanos) = ((at_ns / 1_000_000_000) as i64, (at_ns % 1_000_000_000) as i32);
        PushEntry { timestamp: Some(PushTime { seconds, nanos }), line }
    }
}

impl PushRequest {
    /// The body of the HTTP request.
    pub fn to_body(&self) -> Result<Vec<u8>> {
        Ok(snap::raw::Encoder::new().compress_vec(&self.encode_to_vec())?)
    }
}

/// `{name="value", ...}`; values are escaped as the selector grammar wants it.
pub fn label_text<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs: Vec<String> = labels.into_iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_decodes_to_what_was_encoded() {
        let entries = vec![PushEntry::new(1_715_680_800_000_000_007, "hello".to_owned())];
        let push = PushRequest { streams: vec![PushStream { labels: label_text([("app", "a\"b")]), entries }] };
        let body = push.to_body().expect("snappy takes any bytes");
        let plain = snap::raw::Decoder::new().decompress_vec(&body).expect("own bytes");
        let back = PushRequest::decode(plain.as_slice()).expect("own bytes");
        assert_eq!(back, push);
        assert_eq!(back.streams[0].labels, r#"{app="a\"b"}"#);
    }
}
