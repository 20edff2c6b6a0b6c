//! [`Collect`]: what all sources of metrics have in common.

use crate::error::CollectError;
use crate::families::Families;
use std::fmt::Debug;

/// What was found, with what went wrong beside it.
#[derive(Debug, Default)]
pub struct Collected {
    pub families: Families,
    /// By the name of a collector. Most are no fault, see [`CollectError::is_absent`].
    pub faults: Vec<(&'static str, CollectError)>,
}

/// A source of metrics.
pub trait Collect: Debug + Send + Sync {
    /// Reads all there is now. Blocks: call it where that harms nobody, and one at a time.
    fn collect(&self) -> Collected;
}
