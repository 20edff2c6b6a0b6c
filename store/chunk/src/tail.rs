//! [`Tail`]: the newest samples of a series, appended one by one; every 64 of them become a frame.

use crate::DamagedChunk;
use crate::frame::{self, Scratch};
use std::sync::Arc;

/// Samples that wait to become a frame.
const WAITING: usize = 64;

/// Bytes of a shared vector beside what is in it.
const SHARED: usize = 40;

/// Samples in order of time. Small: a word for times that are regular, 8 bytes for each value that waits.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    /// Shared with views; copied when it is appended to while one of them is there.
    sealed: Option<Arc<Vec<u8>>>,
    /// Bytes that `sealed` takes, so that nobody has to look.
    sealed_memory: u32,
    values: Vec<f64>,
    /// Of the values that wait; empty while they are regular.
    times: Vec<i64>,
    first: i64,
    step: i64,
    last: i64,
}

/// A copy of a [`Tail`] that stays as it is.
#[derive(Clone, Debug, Default)]
pub struct TailView {
    sealed: Option<Arc<Vec<u8>>>,
    times: Vec<i64>,
    values: Vec<f64>,
}

impl Tail {
    /// Appends a sample that is newer than all others.
    pub fn push(&mut self, time: i64, value: f64, scratch: &mut Scratch) {
        match self.values.len() {
            _ if !self.times.is_empty() => self.times.push(time),
            0 => self.first = time,
            1 => self.step = time.wrapping_sub(self.first),
            _ if time.wrapping_sub(self.last) == self.step => {}
            _ => {
                self.times = self.regular_times();
                self.times.push(time);
            }
        }
        self.last = time;
        self.values.push(value);
        if self.values.len() >= WAITING {
            self.seal(scratch);
        }
    }

    fn regular_times(&self) -> Vec<i64> {
        let at = |n: usize| self.first.wrapping_add(self.step.wrapping_mul(n as i64));
        (0..self.values.len()).map(at).collect()
    }

    fn waiting_times(&self) -> Vec<i64> {
        if self.times.is_empty() { self.regular_times() } else { self.times.clone() }
    }

    fn seal(&mut self, scratch: &mut Scratch) {
        let times = self.waiting_times();
        let sealed = Arc::make_mut(self.sealed.get_or_insert_default());
        let spare = sealed.capacity() - sealed.len();
        if spare < WAITING {
            // Growing by half keeps less memory idle than doubling.
            sealed.reserve_exact(sealed.len() / 2 + 2 * WAITING);
        }
        frame::put(sealed, &times, &self.values, scratch);
        self.sealed_memory = u32::try_from(sealed.capacity() + SHARED).unwrap_or(u32::MAX);
        self.values = Vec::new();
        self.times = Vec::new();
    }

    /// Milliseconds and value of the newest sample, while it waits to become a frame.
    pub fn newest(&self) -> Option<(i64, f64)> {
        self.values.last().map(|value| (self.last, *value))
    }

    /// Bytes of memory beside the struct itself.
    pub fn memory(&self) -> usize {
        self.sealed_memory as usize + self.values.capacity() * 8 + self.times.capacity() * 8
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.sealed.is_none()
    }

    pub fn view(&self) -> TailView {
        TailView { sealed: self.sealed.clone(), times: self.waiting_times(), values: self.values.clone() }
    }
}

impl TailView {
    /// Appends the samples from `first` to `last`, both within.
    pub fn read(
        &self,
        (first, last): (i64, i64),
        scratch: &mut Scratch,
        times: &mut Vec<i64>,
        values: &mut Vec<f64>,
    ) -> Result<(), DamagedChunk> {
        if let Some(sealed) = &self.sealed {
            frame::read(sealed, (first, last), scratch, times, values)?;
        }
        let from = self.times.partition_point(|time| *time < first);
        let to = self.times.partition_point(|time| *time <= last).max(from);
        times.extend_from_slice(&self.times[from..to]);
        values.extend_from_slice(&self.values[from..to]);
        Ok(())
    }

    /// Bytes that the samples take.
    pub fn bytes(&self) -> usize {
        self.sealed.as_ref().map_or(0, |sealed| sealed.len()) + self.values.len() * 16
    }
}
