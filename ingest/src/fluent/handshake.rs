//! HELO, PING, PONG: both sides prove that they know the shared key, without sending it.
//!
//! A digest is SHA-512 over salt, name of the host that proves, nonce and key, as lower-case hex (specification, section
//! "Authentication").

use crate::reason::Reason;
use rmpv::{Value, ValueRef};
use sha2::{Digest, Sha512};
use std::io::Read;

/// Nothing secret: it makes every proof a new one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nonce([u8; 16]);

impl Nonce {
    /// # Errors
    /// When the system has no random numbers to give.
    pub fn random() -> std::io::Result<Self> {
        let mut nonce = [0; 16];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut nonce)?;
        Ok(Nonce(nonce))
    }

    /// The server's first message.
    pub fn helo(&self) -> Vec<u8> {
        let option = vec![
            ("nonce".into(), Value::Binary(self.0.to_vec())),
            ("auth".into(), Value::Binary(Vec::new())),
            ("keepalive".into(), true.into()),
        ];
        encode(&Value::Array(vec!["HELO".into(), Value::Map(option)]))
    }
}

/// What became of a PING: the answer, and whether the connection may go on.
#[derive(Debug)]
pub(super) struct Pong {
    pub message: Vec<u8>,
    pub refused: Option<Reason>,
}

/// Judges a PING. `None` when it is none.
pub(super) fn pong(ping: &ValueRef<'_>, nonce: &Nonce, hostname: &str, key: &str) -> Option<Pong> {
    let ValueRef::Array(parts) = ping else { return None };
    let bytes = |at: usize| match parts.get(at)? {
        ValueRef::String(text) => Some(text.as_bytes()),
        ValueRef::Binary(bytes) => Some(*bytes),
        _ => None,
    };
    if bytes(0)? != b"PING" {
        return None;
    }
    let (client, salt, proof) = (bytes(1)?, bytes(2)?, bytes(3)?);
    let known = same(proof, digest(&[salt, client, &nonce.0, key.as_bytes()]).as_bytes());
    let (reason, answer) = match known {
        true => ("", digest(&[salt, hostname.as_bytes(), &nonce.0, key.as_bytes()])),
        false => ("shared_key mismatch", String::new()),
    };
    let parts = vec!["PONG".into(), known.into(), reason.into(), hostname.into(), answer.into()];
    let refused = (!known).then_some(Reason::Unauthorized);
    Some(Pong { message: encode(&Value::Array(parts)), refused })
}

/// `{"ack": chunk}`.
pub(super) fn ack(chunk: &str) -> Vec<u8> {
    encode(&Value::Map(vec![("ack".into(), chunk.into())]))
}

pub(super) fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha512::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, value).expect("a vector takes every byte");
    bytes
}

/// Compares in a time that depends on the lengths only.
fn same(one: &[u8], two: &[u8]) -> bool {
    one.len() == two.len() && one.iter().zip(two).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ping(nonce: &Nonce, key: &str) -> Vec<u8> {
        let proof = digest(&[b"salt", b"client", &nonce.0, key.as_bytes()]);
        let parts =
            vec!["PING".into(), "client".into(), Value::Binary(b"salt".to_vec()), proof.into(), "".into(), "".into()];
        encode(&Value::Array(parts))
    }

    #[test]
    fn only_who_knows_the_key_goes_on() {
        let nonce = Nonce([7; 16]);
        let judge = |bytes: &[u8]| pong(&rmpv::decode::read_value_ref(&mut &bytes[..]).unwrap(), &nonce, "srv", "key");
        let good = judge(&ping(&nonce, "key")).unwrap();
        assert_eq!(good.refused, None);
        let proof = digest(&[b"salt", b"srv", &nonce.0, b"key"]);
        let expected = Value::Array(vec!["PONG".into(), true.into(), "".into(), "srv".into(), proof.into()]);
        assert_eq!(good.message, encode(&expected));
        assert_eq!(judge(&ping(&nonce, "guess")).unwrap().refused, Some(Reason::Unauthorized));
        assert_eq!(judge(&ping(&Nonce([8; 16]), "key")).unwrap().refused, Some(Reason::Unauthorized));
        assert!(judge(&encode(&Value::Array(vec!["tag".into()]))).is_none());
    }
}
