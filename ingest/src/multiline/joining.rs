//! [`Joining`]: options, made ready.

use super::{Detector, InvalidMultiline, Joiner, MultilineOptions};
use std::sync::Arc;
use std::time::Duration;

/// How the lines of a source are joined; cheap to clone.
#[derive(Clone, Debug)]
pub struct Joining {
    detector: Arc<Detector>,
    /// How long an open entry waits for more.
    pub wait: Duration,
}

impl Default for Joining {
    fn default() -> Self {
        Joining { detector: Arc::default(), wait: MultilineOptions::default().wait }
    }
}

impl Joining {
    /// For a source whose lines have at most `max_line` bytes; so have entries then. `None`: lines are left as they come.
    ///
    /// # Errors
    /// When the options make no sense.
    pub fn new(options: &MultilineOptions, max_line: usize) -> Result<Option<Self>, InvalidMultiline> {
        let bounded = MultilineOptions { max_bytes: options.max_bytes.min(max_line).max(1), ..options.clone() };
        options.check()?;
        let detector = Arc::new(Detector::new(&bounded)?);
        Ok(options.enabled.then_some(Joining { detector, wait: options.wait }))
    }

    /// For one stream.
    pub fn joiner<K>(&self) -> Joiner<K> {
        Joiner::new(self.detector.clone())
    }
}
