//! Patterns: what the lines of a query have in common, with `<_>` where they differ.
//!
//! [`Miner`] reads lines one after the other and keeps a bounded number of clusters; a pattern is what all lines of a
//! cluster share, and the filter `|>` finds them by it. The method is that of Drain (He et al., ICWS 2017) with one
//! shortcut: a line whose variable words are masked away is looked up by its hash first, so that only shapes never seen
//! before are compared with anything.
//!
//! It never looks at a clock or at randomness: the same lines in the same order give the same patterns.

mod cluster;
mod pieces;
#[cfg(test)]
mod tests;

use crate::detect::level_of_line;
use cluster::Cluster;
use pieces::{Pieces, Shape};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// A pattern and how often it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MinedPattern {
    /// Text with `<_>` where lines differ: an argument for the line filter `|>`.
    pub pattern: String,
    /// The level of its lines, as [`crate::detect::detected_level`] names it.
    pub level: String,
    /// Start of a step, in nanoseconds since 1970, and the number of lines in it; by time, steps without lines left out.
    pub samples: Vec<(i64, u64)>,
}

impl MinedPattern {
    pub fn lines(&self) -> u64 {
        self.samples.iter().map(|(_, lines)| lines).sum()
    }
}

/// What a miner found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mined {
    /// The most frequent first.
    pub patterns: Vec<MinedPattern>,
    /// Lines of shapes so rare that they were given up to keep the memory bounded.
    pub rare_lines: u64,
}

/// How much a miner keeps.
#[derive(Clone, Copy, Debug)]
pub struct MinerLimits {
    /// Clusters at a time, of all levels together.
    pub clusters: usize,
    /// Pairs of cluster and step.
    pub samples: usize,
    /// Shapes whose cluster is remembered; more only cost time.
    pub shapes: usize,
}

impl Default for MinerLimits {
    /// Some tens of megabytes at the very most.
    fn default() -> Self {
        MinerLimits { clusters: 2048, samples: 500_000, shapes: 1 << 15 }
    }
}

/// Levels beyond these are counted as `unknown`: a label may hold anything.
const MAX_LEVELS: usize = 32;
/// A shape is compared with at most this many clusters that could be its own.
const MAX_CANDIDATES: usize = 64;

/// Finds patterns in lines; of several miners, [`merge`](Miner::merge) makes one.
#[derive(Clone, Debug)]
pub struct Miner {
    step: i64,
    limits: MinerLimits,
    levels: Vec<String>,
    clusters: Vec<Cluster>,
    /// Cluster by the hash of a shape (and of the level, where a label gave it), and when that cluster was born: another
    /// may have its place by now.
    known: HashMap<u64, (u32, u64)>,
    /// Clusters by what decides whether two are compared at all.
    candidates: HashMap<Shape, Vec<u32>>,
    tick: u64,
    births: u64,
    samples: usize,
    rare_lines: u64,
    buffer: Pieces,
}

impl Miner {
    /// Counts lines per `step`, in nanoseconds, at least 1.
    pub fn new(step: i64, limits: MinerLimits) -> Miner {
        Miner {
            step: step.max(1),
            limits,
            levels: Vec::new(),
            clusters: Vec::new(),
            known: HashMap::new(),
            candidates: HashMap::new(),
            tick: 0,
            births: 0,
            samples: 0,
            rare_lines: 0,
            buffer: Pieces::default(),
        }
    }

    /// Adds `count` lines like this one. `level` is what labels or metadata say; without it the line itself decides.
    pub fn add(&mut self, level: Option<&str>, at: i64, line: &str, count: u64) {
        let mut pieces = std::mem::take(&mut self.buffer);
        let hash = pieces.read(level, line);
        let living = |(number, born): &&(u32, u64)| self.clusters[*number as usize].born == *born;
        let number = match self.known.get(&hash).filter(living) {
            Some((number, _)) => *number,
            None => {
                let level = self.level(&level.map_or_else(|| Cow::Borrowed(level_of_line(line)), Cow::Borrowed));
                let number = self.place(level, &pieces, line);
                if self.known.len() >= self.limits.shapes {
                    self.known.clear();
                }
                self.known.insert(hash, (number, self.clusters[number as usize].born));
                number
            }
        };
        self.buffer = pieces;
        self.count(number, at.div_euclid(self.step).saturating_mul(self.step), count);
    }

    fn level(&mut self, name: &str) -> u16 {
        let known = self.levels.iter().position(|level| level == name);
        let number = known.unwrap_or_else(|| match self.levels.len() {
            full if full >= MAX_LEVELS => {
                let unknown = self.levels.iter().position(|level| level == "unknown");
                unknown.unwrap_or(full - 1)
            }
            next => {
                self.levels.push(if next + 1 == MAX_LEVELS { "unknown".into() } else { name.into() });
                next
            }
        });
        number as u16
    }

    /// The cluster of a shape that is new: a similar one, which then stands for both, or one of its own.
    fn place(&mut self, level: u16, pieces: &Pieces, line: &str) -> u32 {
        let shape = pieces.shape(level, line);
        let texts: Vec<Option<&str>> = pieces.texts(line).collect();
        let same = self.candidates.get(&shape).and_then(|numbers| {
            let similar = |number: &&u32| self.clusters[**number as usize].resembles(&texts);
            numbers.iter().find(similar).copied()
        });
        if let Some(number) = same {
            self.clusters[number as usize].widen(&texts);
            return number;
        }
        let number = self.slot();
        self.bear(number, Cluster::new(level, shape, &texts));
        let numbers = self.candidates.entry(shape).or_default();
        numbers.insert(0, number);
        numbers.truncate(MAX_CANDIDATES);
        number
    }

    fn bear(&mut self, number: u32, mut cluster: Cluster) {
        self.births += 1;
        cluster.born = self.births;
        self.clusters[number as usize] = cluster;
    }

    /// A free place for a cluster.
    fn slot(&mut self) -> u32 {
        if self.clusters.len() < self.limits.clusters.max(1) {
            self.clusters.push(Cluster::empty());
            return (self.clusters.len() - 1) as u32;
        }
        self.evict(None)
    }

    /// Gives up the cluster that was not seen for longest, and says where it was.
    fn evict(&mut self, keep: Option<u32>) -> u32 {
        let others = (0..self.clusters.len() as u32).filter(|number| Some(*number) != keep);
        let oldest = others.min_by_key(|number| self.clusters[*number as usize].touched).unwrap_or(0);
        let gone = std::mem::replace(&mut self.clusters[oldest as usize], Cluster::empty());
        self.rare_lines += gone.lines();
        self.samples -= gone.samples.len();
        if let Some(numbers) = self.candidates.get_mut(&gone.shape) {
            numbers.retain(|number| *number != oldest);
            if numbers.is_empty() {
                self.candidates.remove(&gone.shape);
            }
        }
        oldest
    }

    fn count(&mut self, number: u32, bucket: i64, count: u64) {
        self.tick += 1;
        let cluster = &mut self.clusters[number as usize];
        cluster.touched = self.tick;
        if let Some((at, lines)) = &mut cluster.latest
            && *at == bucket
        {
            *lines += count;
            return;
        }
        self.samples += cluster.turn_to(bucket, count);
        while self.samples > self.limits.samples && self.clusters.len() > 1 {
            let before = self.samples;
            self.evict(Some(number));
            if self.samples == before {
                break;
            }
        }
    }

    /// Adds what another miner of the same step has found.
    pub fn merge(&mut self, other: Miner) {
        self.rare_lines += other.rare_lines;
        for cluster in other.clusters.into_iter().filter(|cluster| !cluster.is_empty()) {
            let level = self.level(&other.levels[usize::from(cluster.level)]);
            let texts = cluster.texts();
            let mut shape = cluster.shape;
            shape.level = level;
            let same = self.candidates.get(&shape).and_then(|numbers| {
                numbers.iter().find(|number| self.clusters[**number as usize].resembles(&texts)).copied()
            });
            let number = same.unwrap_or_else(|| {
                let number = self.slot();
                self.bear(number, Cluster::new(level, shape, &texts));
                self.candidates.entry(shape).or_default().push(number);
                number
            });
            self.clusters[number as usize].widen(&texts);
            for (bucket, count) in cluster.into_samples() {
                self.count(number, bucket, count);
            }
        }
    }

    /// The patterns. Clusters that read alike are one.
    pub fn finish(self) -> Mined {
        let Miner { levels, clusters, rare_lines, .. } = self;
        let clusters = cluster::consolidated(clusters);
        let mut found: BTreeMap<(String, u16), BTreeMap<i64, u64>> = BTreeMap::new();
        for cluster in clusters {
            let samples = found.entry((cluster.pattern(), cluster.level)).or_default();
            for (bucket, count) in cluster.into_samples() {
                *samples.entry(bucket).or_default() += count;
            }
        }
        let patterns = found.into_iter().map(|((pattern, level), samples)| MinedPattern {
            pattern,
            level: levels[usize::from(level)].clone(),
            samples: samples.into_iter().collect(),
        });
        let mut patterns: Vec<MinedPattern> = patterns.collect();
        patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.lines()));
        Mined { patterns, rare_lines }
    }
}
