//! What was stored, as a backtest asks for it.

use gantry_model::LabelSet;
use gantry_promql::memory::Memory;
use gantry_promql::{Select, Series, Steps};
use std::sync::Arc;

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// The rule would have failed, too.
    #[error("{0}")]
    Rule(String),
    /// Nothing more can be asked: the backtest ends.
    #[error("{0}")]
    Fatal(String),
}

/// Which stored series are not seen, since the rules that are tried out write them.
pub type Replaces = Arc<dyn Fn(&LabelSet) -> bool + Send + Sync>;

/// Queries over what is stored, in the language of the rules, as one tenant sees it.
pub trait History {
    /// The answer to a query at many instants; `written` is seen, and stored series that `replaces` names are not. A scalar
    /// is one series without labels.
    ///
    /// # Errors
    /// It cannot be asked, or not now.
    fn range(
        &mut self,
        expr: &str,
        steps: Steps,
        written: &Arc<Memory>,
        replaces: &Replaces,
    ) -> Result<Vec<Series>, HistoryError>;

    /// The samples that a query reads; none when it reads lines.
    ///
    /// # Errors
    /// The query is wrong.
    fn reads(&self, expr: &str, steps: Steps) -> Result<Vec<Select>, String>;
}
