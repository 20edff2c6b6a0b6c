//! A client of SMTP (RFC 5321) with STARTTLS (RFC 3207) and AUTH PLAIN, LOGIN (RFC 4954) or CRAM-MD5
//! (RFC 2195): one message a connection.

use super::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gantry_http_client::{TlsConfig, tls_client};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

#[cfg(test)]
mod tests;

const PATIENCE: Duration = Duration::from_secs(60);
/// Longest line of an answer, and most lines of one.
const MOST_LINE: u64 = 4096;
const MOST_LINES: usize = 100;

/// When the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// From the first byte.
    Always,
    /// After STARTTLS, without which nothing is sent.
    Required,
    /// After STARTTLS where the server offers it.
    Offered,
}

/// Who sends; an empty user does without.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    pub user: &'a str,
    pub password: &'a str,
    /// Of CRAM-MD5, which goes before the password where both can be used.
    pub secret: &'a str,
    pub identity: &'a str,
}

/// What is sent to whom.
#[derive(Clone, Debug)]
pub struct Envelope<'a> {
    pub from: String,
    pub to: Vec<String>,
    pub message: &'a str,
}

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// A connection; what it offers is known after a greeting.
struct Session {
    wire: BufStream<Box<dyn Wire>>,
    offers: Vec<String>,
}

/// # Errors
/// What the server said, or why it could not be reached.
pub async fn send(
    (host, port): (&str, &str),
    hello: &str,
    security: Security,
    tls: &TlsConfig,
    account: &Account<'_>,
    envelope: &Envelope<'_>,
) -> Result<(), Failure> {
    let talk = async {
        let wire = TcpStream::connect(format!("{host}:{port}")).await.map_err(|error| lost(&error))?;
        let mut session = match security {
            Security::Always => Session::new(encrypted(Box::new(wire), host, tls).await?),
            _ => Session::new(Box::new(wire)),
        };
        session.answer(220).await?;
        session.greet(hello).await?;
        if security != Security::Always && session.has("STARTTLS") {
            session.say("STARTTLS", 220).await?;
            session = Session::new(encrypted(session.wire.into_inner(), host, tls).await?);
            session.greet(hello).await?;
        } else if security == Security::Required {
            return Err(Failure::passing("the mail server does not offer STARTTLS, and require_tls is set"));
        }
        session.log_in(account).await?;
        session.deliver(envelope).await
    };
    tokio::time::timeout(PATIENCE, talk).await.unwrap_or_else(|_| Err(Failure::passing("the mail server is too slow")))
}

fn lost(error: &std::io::Error) -> Failure {
    Failure::passing(format!("the mail server cannot be reached: {error}"))
}

impl Session {
    fn new(wire: Box<dyn Wire>) -> Self {
        Session { wire: BufStream::new(wire), offers: Vec::new() }
    }

    fn has(&self, what: &str) -> bool {
        self.offers.iter().any(|offer| offer.split(' ').next() == Some(what))
    }

    async fn greet(&mut self, hello: &str) -> Result<(), Failure> {
        let hello: String = hello.chars().filter(|c| c.is_ascii_graphic()).collect();
        self.offers = self.say(&format!("EHLO {hello}"), 250).await?.into_iter().map(|l| l.to_uppercase()).collect();
        Ok(())
    }

    async fn log_in(&mut self, account: &Account<'_>) -> Result<(), Failure> {
        if account.user.is_empty() {
            return Ok(());
        }
        let ways = self.offers.iter().find_map(|offer| offer.strip_prefix("AUTH ")).unwrap_or_default().to_owned();
        let has = |way: &str| ways.split(' ').any(|one| one == way);
        if has("CRAM-MD5") && !account.secret.is_empty() {
            let challenge = self.say("AUTH CRAM-MD5", 334).await?;
            let challenge = challenge.first().and_then(|text| STANDARD.decode(text).ok());
            let challenge =
                challenge.ok_or_else(|| Failure::passing("the challenge of the mail server is no base64"))?;
            let proof = proof(account, &challenge).map_err(Failure::lasting)?;
            self.say(&STANDARD.encode(proof), 235).await?;
        } else if has("PLAIN") {
            let secret = format!("{}\0{}\0{}", account.identity, account.user, account.password);
            self.say(&format!("AUTH PLAIN {}", STANDARD.encode(secret)), 235).await?;
        } else if has("LOGIN") {
            self.say("AUTH LOGIN", 334).await?;
            self.say(&STANDARD.encode(account.user), 334).await?;
            self.say(&STANDARD.encode(account.password), 235).await?;
        } else {
            return Err(Failure::lasting(
                "the mail server offers neither AUTH PLAIN nor AUTH LOGIN, nor CRAM-MD5 with a secret set for it",
            ));
        }
        Ok(())
    }

    async fn deliver(&mut self, envelope: &Envelope<'_>) -> Result<(), Failure> {
        self.say(&format!("MAIL FROM:<{}>", envelope.from), 250).await?;
        for to in &envelope.to {
            self.say(&format!("RCPT TO:<{to}>"), 250).await?;
        }
        self.say("DATA", 354).await?;
        let stuffed = envelope.message.replace("\r\n.", "\r\n..");
        self.write(&format!("{stuffed}\r\n.\r\n")).await?;
        self.answer(250).await?;
        // It has the message: how it says good-bye changes nothing.
        drop(self.write("QUIT\r\n").await);
        Ok(())
    }

    async fn say(&mut self, line: &str, expected: u16) -> Result<Vec<String>, Failure> {
        self.write(&format!("{line}\r\n")).await?;
        self.answer(expected).await
    }

    async fn write(&mut self, text: &str) -> Result<(), Failure> {
        self.wire.write_all(text.as_bytes()).await.map_err(|error| lost(&error))?;
        self.wire.flush().await.map_err(|error| lost(&error))
    }

    /// The lines of an answer with this code, without it. Codes from 500 are final.
    async fn answer(&mut self, expected: u16) -> Result<Vec<String>, Failure> {
        let mut lines = Vec::new();
        while lines.len() < MOST_LINES {
            let mut line = Vec::new();
            let mut limited = (&mut self.wire).take(MOST_LINE);
            limited.read_until(b'\n', &mut line).await.map_err(|error| lost(&error))?;
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let Some(code) = line.get(..3).and_then(|code| code.parse::<u16>().ok()) else {
                return Err(Failure::passing("the mail server hung up"));
            };
            if code != expected {
                let said = format!("the mail server said: {}", line.chars().take(200).collect::<String>());
                return Err(if code >= 500 { Failure::lasting(said) } else { Failure::passing(said) });
            }
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(lines);
            }
        }
        Err(Failure::lasting("the mail server's answer does not end"))
    }
}

/// That the secret is known, without saying it.
fn proof(account: &Account<'_>, challenge: &[u8]) -> Result<String, String> {
    let mut mac = Hmac::<Md5>::new_from_slice(account.secret.as_bytes()).map_err(|error| error.to_string())?;
    mac.update(challenge);
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{} {digest}", account.user))
}

async fn encrypted(wire: Box<dyn Wire>, host: &str, tls: &TlsConfig) -> Result<Box<dyn Wire>, Failure> {
    let config = tls_client(tls).map_err(|error| Failure::passing(error.to_string()))?;
    let host = if tls.server_name.is_empty() { host } else { &tls.server_name };
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Failure::lasting("smarthost is no name of a host"))?;
    let wire = TlsConnector::from(Arc::new(config)).connect(name, wire).await;
    Ok(Box::new(wire.map_err(|error| Failure::passing(format!("TLS with the mail server failed: {error}")))?))
}
