//! Decides how many replicas there should be, as the controller of Kubernetes' HorizontalPodAutoscaler v2 does.
//!
//! Pure: `plan(policy, observed, signals, history, now)`. It never does I/O, never reads a clock and keeps nothing; what a later
//! decision needs of an earlier one is in [`History`], which the caller keeps. A signal that is missing or stale means *hold*,
//! never zero. A [`Decision`] says what went in, by which formula, what was limited and why.
//!
//! Start with [`plan`]; then `propose` (one signal), `pods` (signals of single replicas), `limits` (how fast), `range`
//! (schedules), `panic` (bursts) and `forecast` (a look ahead, which only ever adds).

mod decision;
mod forecast;
mod history;
mod limits;
mod panic;
mod plan;
mod pods;
mod propose;
mod range;

pub use decision::{Basis, Decision, Limited, Proposal, Reason};
pub use forecast::{Prediction, forecast};
pub use history::{Change, History, Panicking, Recommendation};
pub use plan::{Observed, plan};
pub use pods::{Phase, Pod, Ready, Usage};
pub use propose::{Reading, Signal};
