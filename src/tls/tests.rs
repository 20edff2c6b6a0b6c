use super::*;
use crate::http::{App, ServeLimits, serve};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// An authority, and a directory of what it signed.
struct Files {
    dir: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Files {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(dir.path().join("ca.crt"), issuer.pem()).unwrap();
        Files { dir, issuer }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes `name.crt` and `name.key`.
    fn sign(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (cert, file) = (self.path(&format!("{name}.crt")), self.path(&format!("{name}.key")));
        std::fs::write(&cert, certificate.pem()).unwrap();
        std::fs::write(&file, key.serialize_pem()).unwrap();
        (cert, file)
    }

    fn options(&self) -> TlsOptions {
        let (cert, key) = self.sign("server");
        TlsOptions { cert: Some(cert), key: Some(key), ..TlsOptions::default() }
    }
}

struct Server {
    url: String,
    tls: Arc<Tls>,
    stop: CancellationToken,
}

impl Server {
    async fn start(options: &TlsOptions) -> Self {
        let tls = Tls::load(options).unwrap().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (url, stop) = (format!("https://{}/healthz", listener.local_addr().unwrap()), CancellationToken::new());
        let app = App::new(prometheus::Registry::new()).unwrap();
        let limits = ServeLimits { connections: 10, header_timeout: Duration::from_secs(5) };
        tokio::spawn(serve(listener, app.router(), limits, Some(tls.clone()), stop.clone()));
        Server { url, tls, stop }
    }

    /// The version of HTTP under which 200 came.
    async fn get(&self, ca: &Path, identity: Option<(&Path, &Path)>) -> Result<reqwest::Version, reqwest::Error> {
        let tls = client_config(Some(ca), identity).unwrap();
        let http = reqwest::Client::builder().use_preconfigured_tls(tls).build().unwrap();
        let answer = http.get(&self.url).send().await?.error_for_status()?;
        let version = answer.version();
        assert_eq!(answer.text().await?, "ok\n");
        Ok(version)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test]
async fn who_trusts_the_authority_is_served_and_who_does_not_is_not() {
    let files = Files::new();
    let server = Server::start(&files.options()).await;
    server.get(&files.path("ca.crt"), None).await.unwrap();
    let strangers = Files::new();
    server.get(&strangers.path("ca.crt"), None).await.unwrap_err();
}

#[tokio::test]
async fn with_client_ca_only_clients_with_a_certificate_of_it_are_let_in() {
    let files = Files::new();
    let mut options = files.options();
    options.client_ca = Some(files.path("ca.crt"));
    let server = Server::start(&options).await;
    let ca = files.path("ca.crt");
    let (cert, key) = files.sign("client");
    server.get(&ca, Some((&cert, &key))).await.unwrap();
    server.get(&ca, None).await.unwrap_err();
    let strangers = Files::new();
    let (cert, key) = strangers.sign("client");
    server.get(&ca, Some((&cert, &key))).await.unwrap_err();
}

#[tokio::test]
async fn a_new_certificate_is_used_for_new_connections_and_a_broken_one_is_not() {
    let files = Files::new();
    let options = files.options();
    let server = Server::start(&options).await;
    let successor = Files::new();
    let (cert, key) = successor.sign("server");
    let (old_cert, old_key) = (options.cert.unwrap(), options.key.unwrap());
    std::fs::write(&old_cert, "no certificate").unwrap();
    server.tls.reload();
    server.get(&files.path("ca.crt"), None).await.unwrap();
    std::fs::copy(&cert, &old_cert).unwrap();
    std::fs::copy(&key, &old_key).unwrap();
    server.tls.reload();
    server.get(&successor.path("ca.crt"), None).await.unwrap();
    server.get(&files.path("ca.crt"), None).await.unwrap_err();
}

#[test]
fn files_that_cannot_be_used_are_named_with_what_they_lack() {
    let files = Files::new();
    let good = files.options();
    let (other_cert, _) = files.sign("other");
    let empty = files.path("empty");
    std::fs::write(&empty, "").unwrap();
    let cases = [
        (TlsOptions { cert: Some(files.path("none")), ..good.clone() }, "cannot be read"),
        (TlsOptions { cert: Some(empty.clone()), ..good.clone() }, "holds no certificate"),
        (TlsOptions { key: Some(empty.clone()), ..good.clone() }, "an unencrypted PEM key"),
        (TlsOptions { key: None, ..good.clone() }, "tls.key is not set"),
        (TlsOptions { cert: Some(other_cert), ..good.clone() }, "do not belong together"),
        (TlsOptions { client_ca: Some(empty), ..good }, "tls.client_ca"),
    ];
    for (options, text) in cases {
        let message = format!("{:#}", Tls::load(&options).unwrap_err());
        assert!(message.contains(text), "{message}");
    }
    assert!(Tls::load(&TlsOptions::default()).unwrap().is_none());
}
