//! What a line is written from: a moment, a request, and the vocabulary of the service.

use super::Moment;
use crate::corpus::request::{Request, scatter};
use crate::corpus::vocabulary::{Site, Vocabulary};
use crate::corpus::world::{Stream, World};
use crate::rng::Rng;
use std::fmt::Write;

#[derive(Debug)]
pub struct Scene<'a> {
    pub rng: &'a mut Rng,
    pub at: Moment,
    pub world: &'a World,
    pub stream: usize,
    /// How many lines the stream has begun.
    pub count: u64,
    pub request: &'a Request,
}

impl<'a> Scene<'a> {
    pub fn place(&self) -> &'a Stream {
        &self.world.streams[self.stream]
    }

    pub fn app(&self) -> &'static str {
        self.world.services[self.place().service].name
    }

    pub fn words(&self) -> &'a Vocabulary {
        &self.world.services[self.place().service].vocabulary
    }

    /// A place in the program: one that writes errors in so many of 100 cases.
    pub fn site(&mut self, errors: u64) -> &'a Site {
        let words = self.words();
        if self.rng.below(100) < errors { words.failures.draw(self.rng) } else { words.sites.draw(self.rng) }
    }

    /// Another service that this one calls; few per service, so that the pair repeats.
    pub fn upstream(&mut self) -> &'static str {
        let at = self.place().service as u64;
        let choice = self.rng.below(3);
        self.world.services[(scatter(at * 3 + choice) % self.world.services.len() as u64) as usize].name
    }

    pub fn client(&self) -> String {
        let [a, b, c, d] = self.request.client;
        format!("{a}.{b}.{c}.{d}")
    }

    /// The client with the port that it happened to call from.
    pub fn caller(&mut self) -> String {
        format!("{}:{}", self.client(), 32_768 + self.rng.below(28_232))
    }

    /// The trace of the request, between two texts; nothing for a request that is not traced.
    pub fn trace(&self, before: &str, after: &str) -> String {
        self.request.trace.as_ref().map(|trace| format!("{before}{trace}{after}")).unwrap_or_default()
    }

    /// 16 hexadecimal digits that occur nowhere else, for three traced lines in ten.
    pub fn span(&mut self, before: &str, after: &str) -> String {
        if self.request.trace.is_none() || !self.rng.chance(0.3) {
            return String::new();
        }
        format!("{before}{:016x}{after}", self.rng.next())
    }

    /// The time this service spent on the request: some part of the whole.
    pub fn millis(&mut self) -> f64 {
        let part = 20 + self.rng.below(80);
        (self.request.micros * part / 100) as f64 / 1000.0
    }

    /// A number that is mostly small.
    pub fn few(&mut self) -> u64 {
        let bound = 1 + self.rng.below(24);
        self.rng.below(bound)
    }

    /// The text with its slots filled.
    pub fn fill(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 24);
        let mut parts = text.split('{');
        out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let (slot, rest) = part.split_once('}').unwrap_or((part, ""));
            self.slot(slot, &mut out);
            out.push_str(rest);
        }
        out
    }

    fn slot(&mut self, name: &str, out: &mut String) {
        let words = self.words();
        // Writing to a string never fails.
        let _ = match name {
            "n" => write!(out, "{}", self.few()),
            "p" => write!(out, "{}", 60 + self.few()),
            "d" => write!(out, "{}", self.millis().round()),
            "b" => write!(out, "{}", self.request.bytes),
            "u" => write!(out, "{}", self.request.user),
            "i" => write!(out, "{}", self.request.item),
            "c" => write!(out, "{}", 1_000 * (1 + self.stream as u64) + self.count),
            "h" => write!(out, "{}", words.peers.draw(self.rng)),
            "s" => write!(out, "{}", words.states.draw(self.rng)),
            "k" => write!(out, "{}", words.keys.draw(self.rng)),
            other => write!(out, "{{{other}}}"),
        };
    }

    /// The fields of the site as ` key=value`.
    pub fn pairs(&mut self, site: &Site) -> String {
        let mut out = String::new();
        for (key, slot) in &site.fields {
            let _ = write!(out, " {key}={}", self.fill(slot));
        }
        out
    }

    /// The fields of the site as `,"key":"value"`.
    pub fn members(&mut self, site: &Site) -> String {
        let mut out = String::new();
        for (key, slot) in &site.fields {
            let quote = if matches!(*slot, "{n}" | "{d}" | "{b}" | "{c}") { "" } else { "\"" };
            let _ = write!(out, ",\"{key}\":{quote}{}{quote}", self.fill(slot));
        }
        out
    }
}
