//! A server that takes down what it hears and answers in turn.

use super::super::send::Sender;
use super::*;
use crate::receive::{Failure, Notifier};
use gantry_model::ManualClock;
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// What was heard: method and path, and the document.
pub type Heard = Vec<(String, Value)>;

/// Tells the only integration of `yaml`, where `URL` stands for the server; it answers with these statuses and documents, and then
/// no more.
pub async fn told(yaml: &str, status: &'static str, answers: &[(u16, &str)]) -> (Result<(), Failure>, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers: Vec<(u16, String)> = answers.iter().map(|(code, text)| (*code, (*text).to_owned())).collect();
    let heard = Arc::new(Mutex::new(Heard::new()));
    let server = tokio::spawn(serve(listener, answers, heard.clone()));
    // Another test may have chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let way = ways(&yaml.replace("URL", &url)).unwrap().remove(0);
    let templates = Arc::new(Templates::read(&[]).unwrap());
    let sender = Sender::new(way, templates, Arc::new(ManualClock::at(NOW))).unwrap();
    let result = sender.notify(&data(status)).await;
    server.abort();
    (result, std::mem::take(&mut *heard.lock()))
}

/// One request a connection.
async fn serve(listener: TcpListener, answers: Vec<(u16, String)>, heard: Arc<Mutex<Heard>>) {
    for (code, answer) in answers {
        let (wire, _) = listener.accept().await.unwrap();
        let mut wire = BufReader::new(wire);
        let mut first = String::new();
        wire.read_line(&mut first).await.unwrap();
        let mut length = 0;
        loop {
            let mut line = String::new();
            wire.read_line(&mut line).await.unwrap();
            if line.trim().is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        wire.read_exact(&mut body).await.unwrap();
        let words: Vec<&str> = first.split(' ').take(2).collect();
        heard.lock().push((words.join(" "), serde_json::from_slice(&body).unwrap_or_default()));
        let head = format!("HTTP/1.1 {code} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
        wire.write_all(format!("{head}{answer}").as_bytes()).await.unwrap();
    }
}

/// Every kind that the configuration can send elsewhere, with an answer that says yes.
const KINDS: [(&str, &str); 6] = [
    ("victorops_configs: [{api_key: k, routing_key: r, api_url: 'URL'}]", ""),
    ("webex_configs: [{room_id: r, api_url: 'URL', http_config: {authorization: {credentials: c}}}]", ""),
    ("rocketchat_configs: [{token: t, token_id: i, api_url: 'URL'}]", r#"{"success": true}"#),
    ("mattermost_configs: [{webhook_url: 'URL'}]", "ok"),
    ("incidentio_configs: [{url: 'URL', alert_source_token: t}]", ""),
    ("sns_configs: [{topic_arn: a, api_url: 'URL', sigv4: {region: r, access_key: a, secret_key: s}}]", "<xml/>"),
];

#[tokio::test]
async fn what_may_pass_is_tried_again_and_a_refusal_is_final() {
    for (yaml, yes) in KINDS {
        assert_eq!(told(yaml, "firing", &[(200, yes)]).await.0, Ok(()), "{yaml}");
        for (code, retry) in [(500, true), (503, true), (429, true), (400, false), (401, false), (404, false)] {
            let failure = told(yaml, "firing", &[(code, "because")]).await.0.unwrap_err();
            assert_eq!(failure.retry, retry, "{yaml}: {code}");
            assert!(failure.why.contains(&code.to_string()) && failure.why.ends_with("because"), "{}", failure.why);
        }
        assert!(told(yaml, "firing", &[]).await.0.unwrap_err().retry, "{yaml}: nobody is there");
    }
}

#[tokio::test]
async fn rocketchat_may_refuse_with_status_200() {
    let (yaml, _) = KINDS[2];
    let refused = told(yaml, "firing", &[(200, r#"{"success": false, "error": "no room"}"#)]).await.0.unwrap_err();
    assert_eq!(refused, Failure::lasting("the server refused: no room"));
    assert!(told(yaml, "firing", &[(200, "<html>")]).await.0.unwrap_err().retry, "it was a proxy that answered");
}
