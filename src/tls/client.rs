//! The client's side: whom the command line trusts, and how it shows who it is.

use super::files;
use anyhow::{Context, anyhow};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// Trusts the authorities in `ca`, or those of the system, and shows the certificate with the key, if there are any.
pub fn client_config(ca: Option<&Path>, identity: Option<(&Path, &Path)>) -> anyhow::Result<ClientConfig> {
    let roots = match ca {
        Some(file) => files::roots(file, "--tls-ca")?,
        None => system_roots()?,
    };
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = builder.with_root_certificates(roots);
    let Some((cert, key)) = identity else { return Ok(builder.with_no_client_auth()) };
    let (chain, key) = (files::certificates(cert, "--tls-cert")?, files::private_key(key)?);
    builder.with_client_auth_cert(chain, key).map_err(|cause| anyhow!("--tls-cert and --tls-key: {cause}"))
}

fn system_roots() -> anyhow::Result<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let cause = found.errors.first().map_or_else(|| "none is installed".to_owned(), ToString::to_string);
        return Err(anyhow!("{cause}")).context("the system has no certificates to trust; name one with --tls-ca");
    }
    Ok(roots)
}
