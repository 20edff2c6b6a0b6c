//! What a machine, its containers and its processes say of themselves in `/proc` and `/sys`, as families of metrics.
//!
//! ```text
//!   Roots (proc, sys, rootfs) -> collector -> Families -> text of Prometheus
//! ```
//!
//! Metrics of the machine have the names of node_exporter, those of containers the names of cAdvisor, so that dashboards
//! and alerts made for them work. Collectors run one after the other, each with a time limit of its own: one that fails or
//! hangs is told in `node_scrape_collector_success` and takes nothing else with it.
//! Never here: tasks, intervals, the store, writing anything, starting programs.
//!
//! Start with [`Node`], then [`Containers`] and [`Processes`].

mod collect;
mod container;
mod error;
mod families;
mod guard;
mod interfaces;
mod mounts;
mod node;
mod process;
mod psi;
mod roots;

pub use collect::{Collect, Collected};
pub use container::Containers;
pub use error::CollectError;
pub use families::{Families, Family, Sample};
pub use guard::Guard;
pub use node::{Filters, InvalidFilter, Node, tell_run};
pub use process::{Processes, Watched, Watching};
pub use roots::Roots;

#[cfg(test)]
mod testing;
