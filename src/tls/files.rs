//! From PEM files to rustls' configuration, with errors that name the file and what it lacks.

use crate::config::{TlsOptions, TlsVersion};
use anyhow::{Context, anyhow};
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;

/// HTTP/2 first, as gRPC needs it; clients of other protocols name none.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The configuration that the files describe.
pub(super) fn server_config(options: &TlsOptions) -> anyhow::Result<Arc<ServerConfig>> {
    let (cert, key) = (file(options.cert.as_deref(), "tls.cert")?, file(options.key.as_deref(), "tls.key")?);
    let versions: &[_] = match options.min_version {
        TlsVersion::V12 => &[&rustls::version::TLS12, &rustls::version::TLS13],
        TlsVersion::V13 => &[&rustls::version::TLS13],
    };
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions)?;
    let builder = match &options.client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let roots = Arc::new(roots(file, "tls.client_ca")?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            builder.with_client_cert_verifier(verifier.build().context("tls.client_ca")?)
        }
    };
    let mut config = builder.with_single_cert(certificates(cert, "tls.cert")?, private_key(key)?).map_err(|cause| {
        let (cert, key) = (cert.display(), key.display());
        anyhow!("tls.key {key} and tls.cert {cert} do not belong together: {cause}")
    })?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(Arc::new(config))
}

fn file<'a>(file: Option<&'a Path>, name: &str) -> anyhow::Result<&'a Path> {
    file.with_context(|| format!("{name} is not set: TLS needs both tls.cert and tls.key"))
}

/// Every certificate of a PEM file, at least one.
pub(super) fn certificates(file: &Path, name: &str) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let shown = file.display();
    let read =
        CertificateDer::pem_file_iter(file).map_err(|cause| anyhow!("{name} {shown} cannot be read: {cause}"))?;
    let all: Result<Vec<_>, _> = read.collect();
    let all = all.map_err(|cause| anyhow!("{name} {shown} is no PEM: {cause}"))?;
    if all.is_empty() {
        return Err(anyhow!(
            "{name} {shown} holds no certificate: a block that begins with BEGIN CERTIFICATE is needed"
        ));
    }
    Ok(all)
}

pub(super) fn private_key(file: &Path) -> anyhow::Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(file).map_err(|cause| {
        let shown = file.display();
        anyhow!("the key {shown} cannot be used: {cause}; an unencrypted PEM key (BEGIN PRIVATE KEY) is needed")
    })
}

/// The certificates of a file as authorities to trust.
pub(super) fn roots(file: &Path, name: &str) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file, name)? {
        roots.add(certificate).with_context(|| format!("{name} {} holds no usable authority", file.display()))?;
    }
    Ok(roots)
}
