//! [`Budget`]: how many samples a query may still hold, and whether anybody still wants the answer.

use crate::EvalError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Shared by all parts of one evaluation.
#[derive(Debug)]
pub(crate) struct Budget<'a> {
    most: u64,
    read: AtomicU64,
    cancelled: &'a AtomicBool,
}

impl<'a> Budget<'a> {
    pub fn new(most: u64, cancelled: &'a AtomicBool) -> Self {
        Budget { most, read: AtomicU64::new(0), cancelled }
    }

    /// Counts samples that were read; asked once a series.
    pub fn take(&self, samples: usize) -> Result<(), EvalError> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(EvalError::Cancelled);
        }
        let read = self.read.fetch_add(samples as u64, Ordering::Relaxed) + samples as u64;
        if read > self.most { Err(EvalError::TooManySamples) } else { Ok(()) }
    }

    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}
