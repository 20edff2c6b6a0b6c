//! Lines that are alike.

use super::pieces::{Shape, is_word};
use std::collections::BTreeMap;

/// Lines of one shape and level: the pieces they share, and how many there were in each step.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    pub level: u16,
    pub shape: Shape,
    /// `None` where the lines differ.
    pieces: Vec<Option<Box<str>>>,
    /// The step that is counted at the moment.
    pub latest: Option<(i64, u64)>,
    pub samples: BTreeMap<i64, u64>,
    /// When it was seen last, in lines of its miner.
    pub touched: u64,
    /// Tells it from others that have had its place; 0 for none.
    pub born: u64,
}

/// Of the words that stay the same in one of two shapes, this many in hundred must be the same in both.
const SIMILAR_PERCENT: usize = 50;

impl Cluster {
    pub fn new(level: u16, shape: Shape, texts: &[Option<&str>]) -> Cluster {
        let pieces = texts.iter().map(|text| text.map(Into::into)).collect();
        Cluster { level, shape, pieces, latest: None, samples: BTreeMap::new(), touched: 0, born: 0 }
    }

    /// A place without a cluster.
    pub fn empty() -> Cluster {
        Cluster::new(0, Shape::default(), &[])
    }

    pub fn is_empty(&self) -> bool {
        self.latest.is_none() && self.samples.is_empty()
    }

    pub fn texts(&self) -> Vec<Option<&str>> {
        self.pieces.iter().map(Option::as_deref).collect()
    }

    /// Whether enough is the same. What stands between words must be.
    pub fn resembles(&self, texts: &[Option<&str>]) -> bool {
        if self.pieces.len() != texts.len() {
            return false;
        }
        let (mut words, mut same) = (0, 0);
        for (ours, theirs) in self.pieces.iter().zip(texts) {
            match (ours.as_deref(), *theirs) {
                (Some(ours), Some(theirs)) if is_word(ours) && is_word(theirs) => {
                    words += 1;
                    same += usize::from(ours == theirs);
                }
                (Some(ours), Some(theirs)) if ours != theirs => return false,
                (Some(word), None) | (None, Some(word)) if is_word(word) => words += 1,
                (Some(_), None) | (None, Some(_)) => return false,
                _ => {}
            }
        }
        same * 100 >= words * SIMILAR_PERCENT
    }

    /// Lets go what differs.
    pub fn widen(&mut self, texts: &[Option<&str>]) {
        for (ours, theirs) in self.pieces.iter_mut().zip(texts) {
            if ours.as_deref() != *theirs {
                *ours = None;
            }
        }
    }

    /// Begins, or goes on with, the step `bucket`. How many steps that made more.
    pub fn turn_to(&mut self, bucket: i64, count: u64) -> usize {
        let before = self.samples.len();
        if let Some((at, lines)) = self.latest.replace((bucket, count)) {
            *self.samples.entry(at).or_default() += lines;
        }
        self.samples.len() - before
    }

    pub fn lines(&self) -> u64 {
        self.samples.values().sum::<u64>() + self.latest.map_or(0, |(_, lines)| lines)
    }

    pub fn into_samples(mut self) -> BTreeMap<i64, u64> {
        if let Some((at, lines)) = self.latest {
            *self.samples.entry(at).or_default() += lines;
        }
        self.samples
    }

    /// The pieces with `<_>` for what varies. Neighbours that vary, and those with only a mark such as `:` between them,
    /// as in times, addresses and paths, are one.
    pub fn pattern(&self) -> String {
        let mut out = String::new();
        let mut at = 0;
        while at < self.pieces.len() {
            match &self.pieces[at] {
                Some(text) => {
                    out.push_str(text);
                    at += 1;
                }
                None => {
                    out.push_str(HOLE);
                    at += self.hole(at);
                }
            }
        }
        out
    }

    /// How many pieces the hole at `at` takes.
    fn hole(&self, at: usize) -> usize {
        let mut length = 1;
        loop {
            match self.pieces.get(at + length..) {
                Some([None, ..]) => length += 1,
                Some([Some(mark), None, ..]) if matches!(&**mark, ":" | "/" | ",") => length += 2,
                _ => return length,
            }
        }
    }
}

const HOLE: &str = "<_>";

/// Clusters of one level that resemble each other though they begin differently become one.
pub(super) fn consolidated(clusters: Vec<Cluster>) -> Vec<Cluster> {
    let mut all: Vec<Cluster> = Vec::new();
    let mut clusters: Vec<Cluster> = clusters.into_iter().filter(|cluster| !cluster.is_empty()).collect();
    clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.lines()));
    for cluster in clusters {
        let texts = cluster.texts();
        match all.iter_mut().find(|known| known.level == cluster.level && known.resembles(&texts)) {
            Some(known) => {
                known.widen(&texts);
                for (bucket, count) in cluster.into_samples() {
                    *known.samples.entry(bucket).or_default() += count;
                }
            }
            None => all.push(cluster),
        }
    }
    all
}
