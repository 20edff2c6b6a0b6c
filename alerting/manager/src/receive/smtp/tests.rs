//! Against a mail server that takes down what it hears.

use super::*;
use rcgen::generate_simple_self_signed;
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a server offers and how it answers a recipient.
#[derive(Clone)]
struct Post {
    offers: &'static [&'static str],
    recipient: &'static str,
    tls: Option<TlsAcceptor>,
}

const PLAIN: Post = Post { offers: &["SIZE 1000", "AUTH LOGIN PLAIN"], recipient: "250 ok", tls: None };

/// The example of RFC 2195.
const CHALLENGE: &str = "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+";
const PROOF: &str = "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw";

/// One connection; returns every line that was heard.
async fn serve(listener: TcpListener, post: Post) -> Vec<String> {
    let (wire, _) = listener.accept().await.unwrap();
    let mut heard = Vec::new();
    let mut wire: Box<dyn Wire> = Box::new(wire);
    wire.write_all(b"220-welcome\r\n220 here\r\n").await.unwrap();
    loop {
        match converse(wire, &post, &mut heard).await {
            Some(plain) => {
                let tls = post.tls.clone().unwrap().accept(plain).await;
                // A client that does not trust the certificate hangs up.
                let Ok(tls) = tls else { return heard };
                wire = Box::new(tls);
            }
            None => return heard,
        }
    }
}

/// Until the end, or until TLS is to begin.
async fn converse(wire: Box<dyn Wire>, post: &Post, heard: &mut Vec<String>) -> Option<Box<dyn Wire>> {
    let mut wire = BufReader::new(wire);
    let mut in_message = false;
    loop {
        let mut line = String::new();
        if wire.read_line(&mut line).await.unwrap_or(0) == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        heard.push(line.clone());
        let word = line.split([' ', ':']).next().unwrap_or_default().to_owned();
        let answer = match word.as_str() {
            _ if in_message && line != "." => continue,
            "EHLO" => {
                let offers: String = post.offers.iter().map(|offer| format!("250-{offer}\r\n")).collect();
                format!("{offers}250 done")
            }
            "STARTTLS" => {
                wire.write_all(b"220 go\r\n").await.unwrap();
                return Some(wire.into_inner());
            }
            "AUTH" if line.ends_with("CRAM-MD5") => format!("334 {CHALLENGE}"),
            "AUTH" | PROOF => "235 in".to_owned(),
            "RCPT" => post.recipient.to_owned(),
            "DATA" => "354 go on".to_owned(),
            "QUIT" => return None,
            _ => "250 ok".to_owned(),
        };
        in_message = word == "DATA";
        wire.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
    }
}

async fn sent(post: Post, security: Security, tls: TlsConfig, user: &str) -> (Result<(), Failure>, Vec<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let server = tokio::spawn(serve(listener, post));
    let account = Account { user, password: "hush", secret: "tanstaaftanstaaf", identity: "" };
    let to = vec!["one@b".to_owned(), "two@b".to_owned()];
    let envelope = Envelope { from: "g@h".to_owned(), to, message: "Subject: x\r\n\r\n.dot\r\nend" };
    let result = send(("localhost", &port), "me here", security, &tls, &account, &envelope).await;
    (result, server.await.unwrap())
}

#[tokio::test]
async fn a_message_is_handed_over_with_a_password() {
    let (result, heard) = sent(PLAIN, Security::Offered, TlsConfig::default(), "u").await;
    assert_eq!(result, Ok(()));
    let expected = [
        "EHLO mehere",
        "AUTH PLAIN AHUAaHVzaA==",
        "MAIL FROM:<g@h>",
        "RCPT TO:<one@b>",
        "RCPT TO:<two@b>",
        "DATA",
        "Subject: x",
        "",
        "..dot",
        "end",
        ".",
        "QUIT",
    ];
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn a_secret_is_proven_and_not_said() {
    let post = Post { offers: &["AUTH PLAIN CRAM-MD5"], ..PLAIN };
    let (result, heard) = sent(post, Security::Offered, TlsConfig::default(), "tim").await;
    assert_eq!(result, Ok(()));
    assert_eq!(&heard[1..4], ["AUTH CRAM-MD5", PROOF, "MAIL FROM:<g@h>"]);
}

#[tokio::test]
async fn nothing_is_said_in_the_clear_when_tls_is_required() {
    let (result, heard) = sent(PLAIN, Security::Required, TlsConfig::default(), "u").await;
    assert!(result.unwrap_err().why.contains("STARTTLS"));
    assert_eq!(heard, ["EHLO mehere"]);
}

#[tokio::test]
async fn after_starttls_all_is_said_again_and_only_to_whom_is_trusted() {
    // Another test may have chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let chain = vec![made.cert.der().clone()];
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key.into()).unwrap();
    let tls = Some(TlsAcceptor::from(Arc::new(config)));
    let post = Post { offers: &["STARTTLS", "AUTH PLAIN"], recipient: "250 ok", tls };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, made.cert.pem()).unwrap();
    let trusting = TlsConfig { ca_file: Some(file), ..TlsConfig::default() };
    let (result, heard) = sent(post.clone(), Security::Required, trusting, "u").await;
    assert_eq!(result, Ok(()));
    assert_eq!(&heard[..4], ["EHLO mehere", "STARTTLS", "EHLO mehere", "AUTH PLAIN AHUAaHVzaA=="]);
    let (result, heard) = sent(post, Security::Required, TlsConfig::default(), "u").await;
    assert!(result.unwrap_err().why.contains("TLS"), "nobody vouches for the certificate");
    assert_eq!(heard, ["EHLO mehere", "STARTTLS"]);
}

#[tokio::test]
async fn a_refusal_is_final_and_being_busy_is_not() {
    for (recipient, retry) in [("550 no such mailbox", false), ("451 later", true)] {
        let (result, _) = sent(Post { recipient, ..PLAIN }, Security::Offered, TlsConfig::default(), "").await;
        let failure = result.unwrap_err();
        assert_eq!((failure.retry, failure.why), (retry, format!("the mail server said: {recipient}")));
    }
}
