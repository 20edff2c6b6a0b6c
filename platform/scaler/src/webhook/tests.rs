//! A webhook against servers that answer as a script says.

use super::*;
use crate::parse_policies;
use gantry_model::TenantId;
use gantry_planner::Decision;
use gantry_platform_model::Policy;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

type Statuses = &'static [&'static str];

/// Answers each connection with the next status, and gives the requests.
async fn server(statuses: Statuses) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut requests = Vec::new();
        for status in statuses {
            let (mut connection, _) = listener.accept().await.unwrap();
            let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
            // The body is a JSON object, and ends with its brace.
            while !bytes.ends_with(b"}}") {
                let read = connection.read(&mut part).await.unwrap();
                assert!(read > 0, "the request breaks off");
                bytes.extend_from_slice(&part[..read]);
            }
            requests.push(String::from_utf8(bytes).unwrap());
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
        requests
    });
    (url, serving)
}

fn policy(url: &str, more: &str) -> Policy {
    let text = format!(
        "name: web\nmaxReplicas: 9\nmetrics: [{{name: m, query: {{promql: m}}, target: {{value: 1}}}}]\n\
         executor: {{webhook: {{url: '{url}', timeoutSeconds: 1{more}}}}}\n"
    );
    parse_policies(&text).unwrap().remove(0)
}

async fn apply(policy: &Policy, secrets: &Path) -> Result<(), String> {
    // Another test may have chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let decision = Decision { desired: 5, ..Decision::hold(1_700_000_000_000, 2, "why".into()) };
    let webhook = Webhook::new(secrets.to_owned()).unwrap();
    let tenant = TenantId::default_tenant();
    webhook.apply(Order { tenant: &tenant, policy, decision: &decision, key: "default/web/7" }).await
}

#[test]
fn signatures_are_those_of_the_rfc() {
    let expected = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
    assert_eq!(sign("key", "The quick brown fox jumps over the lazy dog"), expected);
}

#[tokio::test]
async fn what_is_posted_says_everything_and_is_signed() {
    let secrets = tempfile::tempdir().unwrap();
    std::fs::write(secrets.path().join("k"), "s3cret\n").unwrap();
    let (url, serving) = server(&["204 x"]).await;
    apply(&policy(&url, ", secretFile: k"), secrets.path()).await.unwrap();
    let request = serving.await.unwrap().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    let json: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&json["replicas"], &json["previousReplicas"]), (&5.into(), &2.into()));
    assert!(
        head.contains("idempotency-key: default/web/7") && head.contains("x-gantry-timestamp: 1700000000000"),
        "{head}"
    );
    let signature = sign("s3cret", &format!("1700000000000.{body}"));
    assert!(head.contains(&format!("x-gantry-signature: sha256={signature}")), "{head}");
}

#[tokio::test]
async fn what_can_get_better_is_tried_again_and_the_rest_is_not() {
    let cases: [(Statuses, Result<(), &str>); 5] = [
        (&["503 x", "429 x", "200 x"], Ok(())),
        (&["500 x", "500 x", "500 x"], Err("500")),
        (&["400 x"], Err("400")),
        (&["302 x"], Err("302")),
        (&["408 x", "200 x"], Ok(())),
    ];
    for (statuses, expected) in cases {
        let (url, serving) = server(statuses).await;
        let found = apply(&policy(&url, ""), Path::new("/nowhere")).await;
        match expected {
            Ok(()) => assert_eq!(found, Ok(()), "{statuses:?}"),
            Err(part) => assert!(found.as_ref().unwrap_err().contains(part), "{statuses:?}: {found:?}"),
        }
        assert_eq!(serving.await.unwrap().len(), statuses.len(), "{statuses:?}");
    }
}

#[tokio::test]
async fn one_that_is_away_hangs_or_has_no_secret_is_told_without_inner_causes() {
    let none = Path::new("/nowhere");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let hanging = apply(&policy(&url, ", retries: 0"), none).await.unwrap_err();
    assert_eq!(hanging, "the webhook did not answer within 1 s");
    let secret = apply(&policy(&url, ", secretFile: k"), none).await.unwrap_err();
    assert!(secret.contains("cannot be read") && !secret.contains("nowhere"), "{secret}");
    drop(listener);
    let away = apply(&policy(&url, ", retries: 0"), none).await.unwrap_err();
    assert!(away.contains("cannot be reached"), "{away}");
}
