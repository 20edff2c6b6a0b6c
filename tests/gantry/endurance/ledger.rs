//! What each writer has written and what must be found: lines follow from the writer's name and a number alone.

use crate::harness::Loki;
use std::collections::BTreeMap;
use std::ops::Range;

pub const DAY: u64 = 86_400_000_000_000;
/// Simulated time between two lines of a writer.
const STEP: u64 = 2_500_000_000;
const LINES_A_DAY: u64 = DAY / STEP;

/// Every seventh line of a writer says this.
pub const DOOMED: &str = "doomed";

/// The lines of one writer, numbered from 0.
#[derive(Debug)]
pub struct Ledger {
    pub name: &'static str,
    /// The one stream that the writer writes.
    pub selector: &'static str,
    /// The day begins here; the lines go round it.
    start: u64,
    /// A line's time is the writer's, not the moment of its arrival.
    timed: bool,
    /// Lines below this are acknowledged.
    pub acknowledged: u64,
    /// Lines of a request without an answer: each may be found, or not.
    pub unanswered: Range<u64>,
    /// Below this the doomed lines were deleted.
    pub deleted: u64,
}

impl Ledger {
    pub fn new(name: &'static str, selector: &'static str, start: u64, timed: bool) -> Self {
        Ledger { name, selector, start, timed, acknowledged: 0, unanswered: 0..0, deleted: 0 }
    }

    pub fn line(&self, number: u64) -> (u64, String) {
        let word = if number.is_multiple_of(7) { DOOMED } else { "kept" };
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let body =
            format!("{} {number} {word} user=u-{} took={}ms id={mixed:016x}", self.name, mixed >> 50, mixed % 977);
        (self.at(number), body)
    }

    /// Unique for each number; later rounds of the day fall between the lines of earlier ones.
    fn at(&self, number: u64) -> u64 {
        let (round, place) = (number / LINES_A_DAY, number % LINES_A_DAY);
        self.start + place * STEP + round * 1_000
    }

    /// Everything the server has of this writer against what it must have.
    pub async fn compare(&self, loki: &Loki, until: u64) -> Vec<String> {
        let mut found: BTreeMap<u64, u64> = BTreeMap::new();
        let mut problems = Vec::new();
        for (at, body) in loki.lines(self.selector, self.start, until).await {
            let number = body.split(' ').nth(1).and_then(|text| text.parse().ok());
            match number.filter(|number| self.line(*number).1 == body) {
                Some(number) if found.contains_key(&number) => problems.push(format!("twice: {at} {body}")),
                Some(number) if self.timed && self.at(number) != at => problems.push(format!("at {at}: {body}")),
                Some(number) => {
                    found.insert(number, at);
                }
                None => problems.push(format!("never written: {at} {body}")),
            }
        }
        for number in 0..self.acknowledged {
            let gone = number < self.deleted && number.is_multiple_of(7);
            match found.remove(&number) {
                Some(at) if gone => problems.push(format!("deleted and found: {} {number} at {at}", self.name)),
                None if !gone => problems.push(format!("acknowledged and lost: {} {number}", self.name)),
                _ => {}
            }
        }
        let invented = found.keys().filter(|number| !self.unanswered.contains(number));
        problems.extend(invented.map(|number| format!("never sent: {} {number}", self.name)));
        problems
    }
}
