//! Keeps rule groups evaluated: finds them in files and in what clients stored, runs each at its instants, restores alerts after
//! a restart, and hands what is to be told to whoever tells it.
//!
//! ```text
//!   files, stored namespaces -> Ruler -> one task for each group -> gantry_alerting::Group -> Engines (ask, append), Notify (tell)
//! ```
//!
//! It never parses queries and knows no query engine, store or Alertmanager: these are behind [`Engines`] and [`Notify`].
//!
//! Start with [`Ruler::new`] and [`Ruler::run`]; [`Ruler::groups`] says how things are.

mod files;
mod metrics;
mod namespaces;
mod options;
mod ruler;
mod running;
mod seam;
mod status;
#[cfg(test)]
mod tests;

pub use files::{Found, InvalidFile, read_files};
pub use namespaces::{Namespaces, StoreRulesError};
pub use options::RulerOptions;
pub use ruler::Ruler;
pub use seam::{Engines, Language, Notify, Told};
pub use status::{GroupId, GroupStatus, Origin, RuleHealth, RuleStatus};
