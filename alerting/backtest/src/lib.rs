//! Rules over stored history: which alerts would have fired, for how long, and what would have been told.
//!
//! Rules are those of `gantry-alerting`, with a clock that is moved on from instant to instant. A rule's expression is asked once for
//! many instants ([`History::range`]); what a rule writes is seen by those after it. Pure and synchronous: it never does I/O.
//! Start with [`replay`].

mod answers;
mod chart;
mod history;
mod notify;
mod reads;
mod replay;
mod report;
#[cfg(test)]
mod tests;
mod unit;
mod watch;

pub use chart::chart;
pub use history::{History, HistoryError, Replaces};
pub use notify::{Deliver, Sent};
pub use replay::{ReplayError, Span, replay};
pub use report::{Episode, Failures, Notification, Report, RuleReport};
