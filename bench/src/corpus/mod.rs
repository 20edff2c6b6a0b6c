//! A deterministic corpus of container logs: what is written depends on the seed and the number of lines alone.
//!
//! Start with [`Generator`], which yields lines in time order; [`files`] keeps them on disk with their [`truth`].

pub mod files;
mod lines;
mod request;
pub mod truth;
mod vocabulary;
mod words;
pub mod world;

use crate::rng::Rng;
use clap::ValueEnum;
use lines::{Moment, Scene};
use request::{Request, Requests};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};
use world::World;

/// 2024-05-14T10:00:00Z in nanoseconds: the corpus covers the hour that begins here.
pub const START_NS: u64 = 1_715_680_800_000_000_000;
pub const HOUR_NS: u64 = 3_600_000_000_000;

/// Words without digits that occur 10 times in a million lines, each line holding at most one.
pub const NEEDLES: [&str; 4] = ["quillwort", "brambleknot", "ferrousmoth", "tundralark"];
/// A word that occurs three times in all.
pub const RARE_NEEDLE: &str = "zephyrglass";

/// How likely a stream that has just begun a line begins the next one too: programs write in bursts.
const BURST: f64 = 0.65;

/// What the lines look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// What a cluster writes: a mix of formats, as published of a reference corpus.
    #[default]
    Natural,
    /// Every line one wide, nested JSON object.
    Json,
}

/// One log line and when its stream wrote it.
#[derive(Debug)]
pub struct Line {
    pub stream: usize,
    /// Nanoseconds since 1970, unique in the corpus and growing.
    pub at_ns: u64,
    pub body: String,
}

#[derive(Debug)]
pub struct Generator {
    profile: Profile,
    pub world: World,
    rng: Rng,
    requests: Requests,
    pending: VecDeque<(usize, String)>,
    /// How many lines each stream has begun.
    counts: Vec<u64>,
    notes: HashMap<u64, &'static str>,
    /// The stream that began the last line.
    last: usize,
    next: u64,
    lines: u64,
    wanted_trace: Option<Request>,
}

impl Generator {
    pub fn new(profile: Profile, seed: u64, lines: u64) -> Self {
        let mut rng = Rng::new(seed);
        let world = World::new(&mut rng);
        let requests = Requests::new(&mut rng);
        let notes = place_notes(&mut rng, lines);
        let counts = vec![0; world.streams.len()];
        Generator {
            profile,
            world,
            rng,
            requests,
            pending: VecDeque::new(),
            counts,
            notes,
            last: 0,
            next: 0,
            lines,
            wanted_trace: None,
        }
    }

    /// The trace id that the benchmark looks up: of a request that begins in the middle of the corpus.
    pub fn wanted_trace(&self) -> Option<&str> {
        self.wanted_trace.as_ref().and_then(|request| request.trace.as_deref())
    }

    fn fresh(&mut self, at: Moment) -> (usize, String) {
        let stream = if self.rng.chance(BURST) { self.last } else { self.world.draw(&mut self.rng) };
        let request = self.requests.draw(&mut self.rng);
        self.last = stream;
        if self.next >= self.lines / 2 && self.wanted_trace.is_none() && request.is_fresh() && request.trace.is_some() {
            self.wanted_trace = Some(request.clone());
        }
        let note = self.notes.get(&self.next).copied();
        self.counts[stream] += 1;
        let count = self.counts[stream];
        let mut scene = Scene { rng: &mut self.rng, at, world: &self.world, stream, count, request: &request };
        if let Some(word) = note {
            return (stream, lines::note(&mut scene, self.profile, word));
        }
        let emitted = lines::write(&mut scene, self.profile);
        let stream = if emitted.stderr { self.world.stderr_of(stream) } else { stream };
        self.pending.extend(emitted.follow.into_iter().map(|body| (stream, body)));
        (stream, emitted.body)
    }
}

impl Iterator for Generator {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        if self.next == self.lines {
            return None;
        }
        let at = Moment { nanos: moment(&mut self.rng, self.next, self.lines) };
        let continues = !self.notes.contains_key(&self.next) && self.rng.chance(0.7);
        let (stream, body) = match if continues { self.pending.pop_front() } else { None } {
            Some(pending) => pending,
            None => self.fresh(at),
        };
        self.next += 1;
        Some(Line { stream, at_ns: START_NS + at.nanos, body })
    }
}

/// Anywhere within the line's own share of the hour, and never at a whole second.
fn moment(rng: &mut Rng, line: u64, lines: u64) -> u64 {
    let share = |line: u64| (u128::from(line) * u128::from(HOUR_NS) / u128::from(lines)) as u64;
    let (from, to) = (share(line), share(line + 1));
    let at = from + rng.below((to - from).max(1));
    if at.is_multiple_of(1_000_000_000) { at + 1 } else { at }
}

/// Which lines hold a needle: no two words on one line.
fn place_notes(rng: &mut Rng, lines: u64) -> HashMap<u64, &'static str> {
    let mut notes = HashMap::new();
    let each = lines / 100_000;
    let words = NEEDLES.iter().flat_map(|word| (0..each).map(move |_| *word)).chain([RARE_NEEDLE; 3]);
    for word in words {
        let mut at = rng.below(lines);
        while notes.contains_key(&at) && (notes.len() as u64) < lines {
            at = (at + 1) % lines;
        }
        notes.insert(at, word);
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_writes_the_same_corpus() {
        for profile in [Profile::Natural, Profile::Json] {
            let lines = Generator::new(profile, 5, 2_000).map(|line| (line.stream, line.at_ns, line.body));
            let again = Generator::new(profile, 5, 2_000).map(|line| (line.stream, line.at_ns, line.body));
            assert!(lines.eq(again));
        }
    }

    #[test]
    fn time_grows_from_line_to_line_and_stays_within_the_hour() {
        let times: Vec<u64> = Generator::new(Profile::Natural, 1, 5_000).map(|line| line.at_ns).collect();
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(times[0] > START_NS && times[4_999] < START_NS + HOUR_NS);
    }

    #[test]
    fn bodies_are_single_lines_of_about_164_bytes() {
        let bodies: Vec<String> = Generator::new(Profile::Natural, 1, 50_000).map(|line| line.body).collect();
        assert!(bodies.iter().all(|body| !body.is_empty() && !body.contains('\n')));
        let mean = bodies.iter().map(String::len).sum::<usize>() / bodies.len();
        assert!((155..=173).contains(&mean), "mean length {mean}");
    }

    #[test]
    fn between_4_and_6_percent_of_the_lines_say_error() {
        let errors = Generator::new(Profile::Natural, 1, 50_000).filter(|line| line.body.contains("error")).count();
        assert!((2_000..=3_000).contains(&errors), "{errors} of 50000");
    }

    #[test]
    fn json_lines_are_wide_objects_with_the_same_share_of_errors_and_of_the_pattern() {
        let bodies: Vec<String> = Generator::new(Profile::Json, 1, 50_000).map(|line| line.body).collect();
        for body in &bodies {
            let value: serde_json::Value = serde_json::from_str(body).expect("every line is JSON");
            assert!(value["service"]["name"].is_string() && value["message"].is_string(), "{body}");
        }
        let mean = bodies.iter().map(String::len).sum::<usize>() / bodies.len();
        assert!((600..=900).contains(&mean), "mean length {mean}");
        let errors = bodies.iter().filter(|body| body.contains("error")).count();
        assert!((2_000..=3_000).contains(&errors), "{errors} of 50000");
        let pattern = regex::Regex::new(truth::PATTERN).expect("a constant");
        let matches = bodies.iter().filter(|body| pattern.is_match(body)).count();
        assert!((200..=1_500).contains(&matches), "{matches} of 50000");
    }

    #[test]
    fn needles_occur_as_often_as_announced() {
        let bodies: Vec<String> = Generator::new(Profile::Natural, 3, 200_000).map(|line| line.body).collect();
        let count = |word: &str| bodies.iter().filter(|body| body.contains(word)).count();
        assert_eq!(NEEDLES.map(count), [2; 4]);
        assert_eq!(count(RARE_NEEDLE), 3);
    }
}
