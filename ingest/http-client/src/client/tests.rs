use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

fn client(config: serde_json::Value) -> HttpClient {
    HttpClient::new(serde_json::from_value(config).unwrap()).unwrap()
}

async fn header(client: &HttpClient, name: &str) -> Option<String> {
    let request = client.request(Method::GET, "http://localhost/").await.unwrap().build().unwrap();
    let values = request.headers().get_all(name).iter().map(|value| value.to_str().unwrap());
    Some(values.collect::<Vec<_>>().join("|")).filter(|all| !all.is_empty())
}

#[tokio::test]
async fn credentials_and_headers_are_sent_as_configured_and_files_read_anew() {
    assert_eq!(header(&client(serde_json::json!({})), "authorization").await, None);
    let basic = client(serde_json::json!({"basic_auth": {"username": "u", "password": "p"}}));
    assert_eq!(header(&basic, "authorization").await.unwrap(), "Basic dTpw");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "first").unwrap();
    let from_file = client(serde_json::json!({
        "authorization": {"type": "Token", "credentials_file": file},
        "http_headers": {"X-Scope": {"values": ["a", "b"], "secrets": ["c"], "files": [file]}},
    }));
    for token in ["one", "two"] {
        std::fs::write(&file, format!("{token}\n")).unwrap();
        assert_eq!(header(&from_file, "authorization").await.unwrap(), format!("Token {token}"));
        assert_eq!(header(&from_file, "x-scope").await.unwrap(), format!("a|b|c|{token}"));
    }
    std::fs::remove_file(&file).unwrap();
    let missing = from_file.request(Method::GET, "http://localhost/").await;
    assert!(missing.unwrap_err().to_string().contains("cannot be read"));
}

/// One request without its end, and this answer to it.
async fn serve_one(mut stream: impl AsyncRead + AsyncWrite + Unpin, status: &str, body: &str) -> String {
    let mut request = Vec::new();
    let wanted = |text: &str| {
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next()?.parse().ok());
        text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length.unwrap_or(0))
    };
    while !wanted(&String::from_utf8_lossy(&request)) {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return String::new();
        }
    }
    let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    String::from_utf8(request).unwrap()
}

#[tokio::test]
async fn a_token_is_asked_for_in_the_way_that_the_server_knows_and_kept_until_shortly_before_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let server = tokio::spawn(async move {
        let mut requests = Vec::new();
        // The first way is refused; the second token ends at once.
        for (at, (status, lasts)) in [("401 No", 0), ("200 OK", 3600)].into_iter().enumerate() {
            let (stream, _) = listener.accept().await.unwrap();
            let body = format!(r#"{{"access_token": "t{at}", "expires_in": "{lasts}"}}"#);
            requests.push(serve_one(stream, status, &body).await);
            count.fetch_add(1, Ordering::Relaxed);
        }
        requests
    });
    let client = client(serde_json::json!({"oauth2": {
        "client_id": "me", "client_secret": "a b", "scopes": ["x", "y"], "token_url": url, "endpoint_params": {"audience": "all"},
    }}));
    for _ in 0..3 {
        assert_eq!(header(&client, "authorization").await.unwrap(), "Bearer t1");
    }
    let requests = server.await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2, "it is kept");
    assert!(requests[0].contains("authorization: Basic bWU6YSti\r\n"), "me:a+b, {}", requests[0]);
    let body = requests[0].split("\r\n\r\n").nth(1).unwrap();
    assert_eq!(body, "grant_type=client_credentials&scope=x+y&audience=all");
    assert!(requests[1].ends_with("&audience=all&client_id=me&client_secret=a+b"), "{}", requests[1]);
    assert!(!requests[1].contains("authorization"));
}

#[tokio::test]
async fn a_server_that_gives_no_token_is_named_without_secrets() {
    for (status, body, message) in [
        ("500 No", "hush", "answers 500"),
        ("200 OK", r#"{"token": "hush"}"#, "no access_token"),
        ("403 No", "hush", "answers 403"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve_one(stream, status, body).await;
            }
        });
        let oauth = serde_json::json!({"oauth2": {"client_id": "me", "client_secret": "hush", "token_url": url}});
        let failed = client(oauth).request(Method::GET, "http://localhost/").await.unwrap_err().to_string();
        assert!(failed.contains(message) && !failed.contains("hush"), "{failed}");
    }
}

/// A server with a certificate for `name` by an authority, whose certificate comes with its address.
async fn secure_server(name: &str, versions: &'static [&'static rustls::SupportedProtocolVersion]) -> (String, String) {
    let authority = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = params.self_signed(&authority).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(params, authority);
    let cert = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], private).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve_one(stream, "200 OK", "hello").await;
            }
        }
    });
    (url, ca.pem())
}

async fn answer(url: &str, tls: serde_json::Value) -> Result<String, String> {
    let client = client(serde_json::json!({ "tls_config": tls }));
    let response = client.request(Method::GET, url).await.unwrap().send().await.map_err(|error| causes(&error))?;
    response.text().await.map_err(|error| causes(&error))
}

#[tokio::test]
async fn certificates_are_for_the_name_that_is_asked_for() {
    let (url, ca) = secure_server("inner.example.org", rustls::ALL_VERSIONS).await;
    let hello = Ok("hello".to_owned());
    assert_eq!(answer(&url, serde_json::json!({"ca": ca, "server_name": "inner.example.org"})).await, hello);
    assert_eq!(answer(&url, serde_json::json!({"insecure_skip_verify": true})).await, hello);
    for tls in [
        serde_json::json!({ "ca": ca }),
        serde_json::json!({"ca": ca, "server_name": "other.example.org"}),
        serde_json::json!({"server_name": "inner.example.org"}),
    ] {
        let refused = answer(&url, tls.clone()).await.unwrap_err();
        assert!(refused.contains("certificate"), "{tls}: {refused}");
    }
}

#[tokio::test]
async fn versions_of_tls_are_limited() {
    static OLD: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12];
    let (url, ca) = secure_server("127.0.0.1", OLD).await;
    let hello = Ok("hello".to_owned());
    assert_eq!(answer(&url, serde_json::json!({"ca": ca, "min_version": "TLS10"})).await, hello);
    assert_eq!(answer(&url, serde_json::json!({"ca": ca, "max_version": "TLS12"})).await, hello);
    answer(&url, serde_json::json!({"ca": ca, "min_version": "TLS13"})).await.unwrap_err();
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let new = |tls: serde_json::Value| {
        let config = serde_json::from_value(serde_json::json!({ "tls_config": tls })).unwrap();
        HttpClient::new(config).unwrap_err().to_string()
    };
    assert!(new(serde_json::json!({"ca_file": "/not/there"})).starts_with("/not/there: "));
    assert_eq!(new(serde_json::json!({"ca": "no pem"})), "ca: there is no certificate in PEM");
    assert!(new(serde_json::json!({"server_name": "a b"})).contains("no name of a server"));
    assert!(new(serde_json::json!({"cert": "a", "key": "b"})).starts_with("key: "));
}
