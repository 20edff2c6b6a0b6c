//! TLS of a client as [`TlsConfig`] says, with rustls.

use crate::client::Unusable;
use crate::config::{TlsConfig, TlsVersion};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use std::path::Path;
use std::sync::Arc;

/// What rustls needs for connections to servers. Files are read now.
///
/// # Errors
/// When a file cannot be read, or is not what it should be.
pub fn tls_client(tls: &TlsConfig) -> Result<ClientConfig, Unusable> {
    tls.check().map_err(Unusable)?;
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions(tls));
    let builder = builder.map_err(|error| Unusable(error.to_string()))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier(tls, provider)?);
    let Some((chain, key)) = identity(tls)? else { return Ok(builder.with_no_client_auth()) };
    builder.with_client_auth_cert(chain, key).map_err(|error| Unusable(format!("cert and key: {error}")))
}

fn versions(tls: &TlsConfig) -> &'static [&'static SupportedProtocolVersion] {
    static TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
    static TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
    match (tls.min_version, tls.max_version) {
        (Some(TlsVersion::TLS13), _) => TLS13,
        (_, Some(TlsVersion::TLS12)) => TLS12,
        _ => rustls::ALL_VERSIONS,
    }
}

fn verifier(tls: &TlsConfig, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Unusable> {
    if tls.insecure_skip_verify {
        return Ok(Arc::new(Anyone(provider)));
    }
    let strict = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(tls)?), provider).build();
    let strict = strict.map_err(|error| Unusable(format!("there is nobody to trust: {error}")))?;
    if tls.server_name.is_empty() {
        return Ok(strict);
    }
    let name = ServerName::try_from(tls.server_name.clone());
    let name = name.map_err(|_| Unusable(format!("server_name {:?} is no name of a server", tls.server_name)))?;
    Ok(Arc::new(Named { name, strict }))
}

/// Those that were given, or those of the system.
fn roots(tls: &TlsConfig) -> Result<RootCertStore, Unusable> {
    let mut roots = RootCertStore::empty();
    let Some(pem) = pem("ca", tls.ca.as_deref(), tls.ca_file.as_deref())? else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    for certificate in pem.certificates()? {
        roots.add(certificate).map_err(|error| pem.wrong(&error))?;
    }
    Ok(roots)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(tls: &TlsConfig) -> Result<Option<Identity>, Unusable> {
    let key = tls.key.as_ref().map(|key| key.reveal());
    let pems = (pem("cert", tls.cert.as_deref(), tls.cert_file.as_deref())?, pem("key", key, tls.key_file.as_deref())?);
    let (Some(cert), Some(key)) = pems else { return Ok(None) };
    let private = PrivateKeyDer::from_pem_slice(&key.bytes).map_err(|error| key.wrong(&error))?;
    Ok(Some((cert.certificates()?, private)))
}

/// A text in PEM, and where it is from.
struct Pem {
    bytes: Vec<u8>,
    place: String,
}

fn pem(name: &str, text: Option<&str>, file: Option<&Path>) -> Result<Option<Pem>, Unusable> {
    if let Some(text) = text {
        return Ok(Some(Pem { bytes: text.into(), place: name.to_owned() }));
    }
    let Some(file) = file else { return Ok(None) };
    let place = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|error| Unusable(format!("{place}: {error}")))?;
    Ok(Some(Pem { bytes, place }))
}

impl Pem {
    fn wrong(&self, error: &dyn std::fmt::Display) -> Unusable {
        Unusable(format!("{}: {error}", self.place))
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Unusable> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        let found = found.map_err(|error| self.wrong(&error))?;
        if found.is_empty() { Err(self.wrong(&"there is no certificate in PEM")) } else { Ok(found) }
    }
}

/// Asks for another name than that of the address. (The greeting of a connection still says the latter.)
#[derive(Debug)]
struct Named {
    name: ServerName<'static>,
    strict: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.strict.verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.strict.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.strict.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.strict.supported_verify_schemes()
    }
}

/// `insecure_skip_verify`: any certificate, of which the server has to have the key.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
