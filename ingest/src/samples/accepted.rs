//! [`MetricAccepted`].

use crate::error::Refusals;

/// What became of a request with metrics: the good samples are durable, the others are counted by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "refused samples have to be reported"]
pub struct MetricAccepted {
    /// Numbers and histograms that are stored.
    pub samples: u64,
    /// How many of them are histograms.
    pub histograms: u64,
    pub exemplars: u64,
    /// Samples that were not stored and never will be.
    pub refused: Refusals,
    /// Exemplars that were not stored. They are a hint beside the samples: without one the request is still complete.
    pub refused_exemplars: u64,
}

impl MetricAccepted {
    /// One sentence for the client: how many of how many, and the first as an example.
    pub fn summary(&self) -> String {
        self.refused.summary_of("samples", self.samples)
    }
}
