//! What can go wrong with a query.

/// The texts are what a client of Loki expects to read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// The query itself is wrong; nothing was evaluated.
    #[error("parse error : {0}")]
    InvalidQuery(String),
    /// A line that failed in the pipeline of a metric query: numbers over it would be wrong.
    #[error(
        "pipeline error: '{kind}' for series: '{series}'.\nUse a label filter to intentionally skip this error. (e.g | __error__!=\"{kind}\").\nTo skip all potential errors you can match empty errors.(e.g __error__=\"\")\nThe label filter can also be specified after unwrap. (e.g | unwrap latency | __error__=\"\" )\n"
    )]
    Pipeline { kind: String, series: String },
    /// Series of two sides that do not pair, and the like.
    #[error("{0}")]
    Evaluation(String),
}
