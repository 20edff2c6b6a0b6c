//! [`Redactor`]: what must not be stored is replaced before it is.

mod patterns;
#[cfg(test)]
mod tests;

use crate::event::{Event, Metadata};
use crate::invalid::Wrong;
use crate::options::{RedactField, RedactOptions};
use gantry_model::LabelSet;
use hmac::{Hmac, KeyInit, Mac};
use patterns::Pattern;
use sha2::Sha256;
use std::borrow::Cow;

/// Bytes of a hash that are shown.
const SHOWN_HASH: usize = 8;

#[derive(Debug)]
pub(crate) struct Redactor {
    patterns: Vec<Pattern>,
    with: With,
    fields: Vec<RedactField>,
}

/// What stands instead.
enum With {
    /// One text for each pattern.
    Texts(Vec<String>),
    Hash(Hmac<Sha256>),
}

impl std::fmt::Debug for With {
    /// The key is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            With::Texts(texts) => f.debug_tuple("Texts").field(texts).finish(),
            With::Hash(_) => f.write_str("Hash"),
        }
    }
}

impl Redactor {
    pub fn new(options: &RedactOptions) -> Result<Self, Wrong> {
        let wrong = |message: String| Wrong::new("redact", message);
        let built_in = options.patterns.iter().map(|name| Pattern::built_in(name));
        let custom = options.custom.iter().map(|(name, text)| Pattern::custom(name, text));
        let patterns: Vec<Pattern> = built_in.chain(custom).collect::<Result<_, _>>().map_err(wrong)?;
        if patterns.is_empty() {
            let known = patterns::names().join(", ");
            return Err(wrong(format!("names no pattern; give patterns (there are {known}) or custom ones")));
        }
        let with = match (&options.hash_key, &options.with) {
            (Some(_), Some(_)) => return Err(wrong("give either with or hash_key".to_owned())),
            (Some(key), None) if key.len() < 16 => {
                return Err(wrong("hash_key must have at least 16 characters: short ones can be guessed".to_owned()));
            }
            (Some(key), None) => {
                let keyed = Hmac::new_from_slice(key.as_bytes());
                With::Hash(keyed.map_err(|error| wrong(format!("hash_key cannot be used: {error}")))?)
            }
            (None, with) => {
                let with = with.as_deref().unwrap_or("[{name}]");
                With::Texts(patterns.iter().map(|pattern| with.replace("{name}", &pattern.name)).collect())
            }
        };
        let fields = options.fields.clone().unwrap_or_else(|| vec![RedactField::Message, RedactField::Metadata]);
        Ok(Redactor { patterns, with, fields })
    }

    pub fn apply(&self, event: &mut Event<'_>) {
        for field in &self.fields {
            match field {
                RedactField::Message => {
                    if let Some(clean) = self.text(&event.body) {
                        event.body = Cow::Owned(clean);
                    }
                }
                RedactField::Metadata => {
                    if let Some(pairs) = self.pairs(event.metadata.iter()) {
                        event.metadata = Metadata::Pairs(pairs);
                    }
                }
                RedactField::Labels => {
                    let pairs = event.labels.iter().map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)));
                    if let Some(pairs) = self.pairs(pairs) {
                        event.labels = LabelSet::from_pairs(pairs);
                    }
                }
            }
        }
    }

    /// `None` when no value has to change, which is found out without copying.
    fn pairs<'t>(&self, pairs: impl Iterator<Item = (Cow<'t, str>, Cow<'t, str>)>) -> Option<Vec<(String, String)>> {
        let mut changed = false;
        let mut clean = |(name, value): (Cow<'t, str>, Cow<'t, str>)| match self.text(&value) {
            Some(clean) => {
                changed = true;
                (name, Cow::Owned(clean))
            }
            None => (name, value),
        };
        let all: Vec<_> = pairs.map(&mut clean).collect();
        changed.then(|| all.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// `None` when nothing has to be replaced.
    fn text(&self, text: &str) -> Option<String> {
        let mut clean: Option<String> = None;
        for (at, pattern) in self.patterns.iter().enumerate() {
            let now = clean.as_deref().unwrap_or(text);
            let replaced = pattern.replace(now, |secret, out| self.write_instead(at, secret, out));
            clean = replaced.or(clean);
        }
        clean
    }

    fn write_instead(&self, pattern: usize, secret: &str, out: &mut String) {
        match &self.with {
            With::Texts(texts) => out.push_str(&texts[pattern]),
            With::Hash(keyed) => {
                let mut mac = keyed.clone();
                mac.update(secret.as_bytes());
                let hash = mac.finalize().into_bytes();
                out.push('[');
                out.push_str(&self.patterns[pattern].name);
                out.push(':');
                out.extend(hash[..SHOWN_HASH].iter().flat_map(|byte| hex(*byte)));
                out.push(']');
            }
        }
    }
}

fn hex(byte: u8) -> [char; 2] {
    [byte >> 4, byte & 15].map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0'))
}
