//! What each service says: texts that are put together once and then repeated, some far more often than others.
//!
//! Start with [`Vocabulary`]; a [`Site`] is one place in a program that writes lines.

use super::words::*;
use crate::rng::{Rng, Zipf};

/// Texts of which the first are drawn most often.
#[derive(Clone, Debug)]
pub struct Pool<T> {
    all: Vec<T>,
    ranks: Zipf,
}

impl<T> Pool<T> {
    fn new(n: usize, exponent: f64, mut make: impl FnMut() -> T) -> Self {
        Pool { all: (0..n).map(|_| make()).collect(), ranks: Zipf::new(n, exponent) }
    }

    pub fn draw(&self, rng: &mut Rng) -> &T {
        &self.all[self.ranks.draw(rng)]
    }
}

/// A place in a program that writes lines: always the same words, with slots in braces for what varies.
#[derive(Clone, Debug)]
pub struct Site {
    pub level: &'static str,
    /// Where the place belongs: parts are separated by dots.
    pub module: String,
    pub class: String,
    pub line: u64,
    pub text: String,
    /// Keys and the slots of their values.
    pub fields: Vec<(&'static str, &'static str)>,
}

/// The texts of one service.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    pub sites: Pool<Site>,
    pub failures: Pool<Site>,
    pub paths: Pool<String>,
    pub referers: Pool<String>,
    pub peers: Pool<String>,
    pub statements: Pool<String>,
    pub states: Pool<&'static str>,
    /// Names of things, such as `tenant-copper-kettle`.
    pub keys: Pool<String>,
    /// A version and a commit, the same for all pods.
    pub build: String,
}

/// The words that one service uses, a part of all.
struct Dialect {
    nouns: Vec<&'static str>,
    verbs: Vec<&'static str>,
    adjectives: Vec<&'static str>,
    clauses: Vec<&'static str>,
    reasons: Vec<&'static str>,
    keys: Vec<&'static str>,
    things: Vec<&'static str>,
}

const SITES: usize = 220;
const FAILURES: usize = 60;
const PATHS: usize = 600;
const KEYS_OF_A_SERVICE: usize = 400;

impl Vocabulary {
    pub fn new(rng: &mut Rng, service: &str) -> Self {
        let words = Dialect::new(rng);
        Vocabulary {
            sites: Pool::new(SITES, 1.1, || words.site(rng, service)),
            failures: Pool::new(FAILURES, 0.9, || words.failure(rng, service)),
            paths: Pool::new(PATHS, 0.95, || words.path(rng)),
            referers: Pool::new(200, 1.0, || words.referer(rng)),
            peers: Pool::new(60, 0.8, || words.peer(rng)),
            statements: Pool::new(160, 0.9, || words.statement(rng)),
            states: Pool::new(8, 0.9, || rng.pick(&STATES)),
            keys: Pool::new(KEYS_OF_A_SERVICE, 1.0, || words.key(rng)),
            build: format!("{}.{}.{}-{:07x}", 1 + rng.below(9), rng.below(40), rng.below(12), rng.below(1 << 28)),
        }
    }
}

/// The user agents of all visitors.
pub fn agents(rng: &mut Rng) -> Pool<String> {
    const SYSTEMS: [&str; 10] = [
        "Windows NT 10.0; Win64; x64",
        "X11; Linux x86_64",
        "Macintosh; Intel 10_15_7",
        "Linux; Android 14; Slate 8",
        "Linux; Android 13; Slate 7a",
        "Linux; Android 12; Pebble P30",
        "Phone; OS 17_4 like Desktop",
        "Phone; OS 16_6 like Desktop",
        "Tablet; OS 17_3 like Desktop",
        "Windows NT 6.1; rv:109.0",
    ];
    Pool::new(400, 1.0, || {
        let (system, major, build) = (rng.pick(&SYSTEMS), 96 + rng.below(30), 4000 + rng.below(3000));
        match rng.below(8) {
            0 => format!("ShopApp/5.{}.{} ({system})", rng.below(14), rng.below(6)),
            1 => format!("partner-{}/{}.{} (sync client)", rng.pick(&THINGS), rng.below(3), rng.below(20)),
            2 | 3 => format!("Mozilla/5.0 ({system}) Voyager/{major}.0"),
            _ => format!("Mozilla/5.0 ({system}) Wander/{major}.0.{build}.{}", rng.below(200)),
        }
    })
}

impl Dialect {
    fn new(rng: &mut Rng) -> Self {
        Dialect {
            nouns: some(rng, &NOUNS, 30),
            verbs: some(rng, &VERBS, 20),
            adjectives: some(rng, &ADJECTIVES, 14),
            clauses: some(rng, &CLAUSES, 20),
            reasons: some(rng, &REASONS, 10),
            keys: some(rng, &KEYS, 10),
            things: some(rng, &THINGS, 24),
        }
    }

    fn site(&self, rng: &mut Rng, service: &str) -> Site {
        let (verb, adjective, noun, other) =
            (rng.pick(&self.verbs), rng.pick(&self.adjectives), rng.pick(&self.nouns), rng.pick(&self.nouns));
        let text = match rng.below(4) {
            0 => format!("{noun} {other} {verb} {}", rng.pick(&self.clauses)),
            1 => format!("{verb} {adjective} {noun} of the {other} {}", rng.pick(&self.clauses)),
            2 => format!("{verb} {noun} {}, {}", rng.pick(&self.clauses), rng.pick(&self.clauses)),
            _ => format!("{adjective} {noun} was {verb} {}", rng.pick(&self.clauses)),
        };
        let level = match rng.below(20) {
            0 | 1 => "warn",
            2..=5 => "debug",
            _ => "info",
        };
        self.placed(rng, service, level, text)
    }

    fn failure(&self, rng: &mut Rng, service: &str) -> Site {
        let (noun, other, reason) = (rng.pick(&self.nouns), rng.pick(&self.nouns), rng.pick(&self.reasons));
        let text = match rng.below(3) {
            0 => format!("error while the {noun} {other} was {}: {reason}", rng.pick(&self.verbs)),
            1 => format!("{noun} {other} failed {} with error: {reason}", rng.pick(&self.clauses)),
            _ => format!(
                "giving up on the {} {noun} {}, last error: {reason}",
                rng.pick(&self.adjectives),
                rng.pick(&self.clauses)
            ),
        };
        self.placed(rng, service, "error", text)
    }

    fn placed(&self, rng: &mut Rng, service: &str, level: &'static str, text: String) -> Site {
        const SLOTS: [&str; 10] = ["{n}", "{n}", "{d}", "{b}", "{h}", "{s}", "{s}", "{k}", "{k}", "{c}"];
        let mut fields: Vec<(&str, &str)> =
            (0..rng.below(3)).map(|_| (rng.pick(&self.keys), rng.pick(&SLOTS))).collect();
        fields.dedup_by_key(|(key, _)| *key);
        Site {
            level,
            module: format!("{}.{}", service.replace('-', "."), rng.pick(&LAYERS)),
            class: format!("{}{}", capital(rng.pick(&self.nouns)), rng.pick(&ROLES)),
            line: 20 + rng.below(700),
            text,
            fields,
        }
    }

    fn key(&self, rng: &mut Rng) -> String {
        format!("{}-{}-{}", rng.pick(&self.nouns), rng.pick(&COLOURS), rng.pick(&self.things))
    }

    fn path(&self, rng: &mut Rng) -> String {
        let (noun, slug) = (rng.pick(&self.nouns), format!("{}-{}", rng.pick(&COLOURS), rng.pick(&self.things)));
        match rng.below(6) {
            0 => format!(
                "/api/v2/{noun}?filter={}&sort={}&limit={}",
                rng.pick(&STATES),
                rng.pick(&KEYS),
                10 * (1 + rng.below(5))
            ),
            1 => format!("/api/v1/{noun}/{}/{}", 1000 + rng.below(90_000), rng.pick(&self.nouns)),
            2 => format!("/search?q={}&page={}", slug.replace('-', "+"), 1 + rng.below(4)),
            3 => format!("/assets/{noun}/{slug}.{:08x}.js", rng.below(1 << 32)),
            _ => format!("/{noun}/{}-{slug}-{}", rng.pick(&self.adjectives), 100 + rng.below(900)),
        }
    }

    fn referer(&self, rng: &mut Rng) -> String {
        match rng.below(2) {
            0 => "-".to_owned(),
            _ => format!(
                "https://shop.example/{}/{}-{}",
                rng.pick(&self.nouns),
                rng.pick(&COLOURS),
                rng.pick(&self.things)
            ),
        }
    }

    fn peer(&self, rng: &mut Rng) -> String {
        format!(
            "{}-{}.svc.internal:{}",
            rng.pick(&self.nouns),
            rng.below(10),
            rng.pick(&[8080, 8443, 9000, 9092, 5432, 6379])
        )
    }

    fn statement(&self, rng: &mut Rng) -> String {
        let (table, other) = (rng.pick(&self.nouns), rng.pick(&self.nouns));
        let columns: Vec<&str> = (0..2 + rng.below(4)).map(|_| rng.pick(&self.nouns)).collect();
        match rng.below(5) {
            0 => format!(
                "update {table} set {}_id = $1, updated_at = now() where id = {{i}} and state = '{{s}}'",
                columns[0]
            ),
            1 => format!(
                "insert into {table} ({}, created_at) values ({{i}}, '{{k}}', now()) returning id",
                columns.join(", ")
            ),
            2 => format!(
                "select {} from {table} t join {other} o on o.{table}_id = t.id where t.owner_id = {{u}} order by t.{} desc limit {}",
                columns.join(", "),
                columns[0],
                10 * (1 + rng.below(5))
            ),
            3 => format!("select count(*) from {table} where {} = '{{k}}' and state <> '{{s}}'", columns[0]),
            _ => format!("select id, {} from {table} where {other}_id = {{i}} for update", columns.join(", ")),
        }
    }
}

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

/// `n` of the words, in the order of chance; a word may come twice.
fn some(rng: &mut Rng, words: &[&'static str], n: usize) -> Vec<&'static str> {
    (0..n).map(|_| rng.pick(words)).collect()
}
