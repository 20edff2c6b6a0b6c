//! Metrics of this machine, its containers and the processes that Gantry runs, without an exporter.
//!
//! ```text
//!   gantry-collect -> text -> Fetch -> scrape::Pass -> MetricIngest::submit
//! ```
//!
//! What is collected is scraped like a target: `up` and `scrape_*` tell of it, series that vanish end, and a source that
//! hangs is cut off. Never here: what is read from `/proc` and `/sys`, which `gantry-collect` knows.
//!
//! Start with [`MachineOptions`] and [`jobs`].

mod fetch;
mod options;
mod textfile;

pub use gantry_collect::{Processes, Watched, Watching};
pub use options::{InvalidMachine, MachineOptions};

use crate::scrape::LocalJob;
use fetch::LocalFetch;
use gantry_collect::{Collect, Containers, Node};
use gantry_model::Clock;
use std::sync::Arc;
use textfile::Textfiles;

/// What is to be collected, as jobs `node`, `containers` and `gantry` of one target each. `processes` are watched in the
/// last one.
///
/// # Errors
/// When a filter is no regular expression.
pub fn jobs(
    options: &MachineOptions,
    processes: Processes,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<LocalJob>, InvalidMachine> {
    let roots = options.roots();
    let job = |name: &'static str, source: Arc<dyn Collect>| LocalJob {
        name,
        instance: options.instance(),
        interval: options.interval,
        fetch: Arc::new(LocalFetch::new(name, source, None)),
    };
    let mut jobs = Vec::new();
    if options.node {
        let source = Arc::new(Node::new(roots.clone(), options.filters()?, clock.clone()));
        let textfiles = options.textfiles.clone().map(Textfiles::new);
        jobs.push(LocalJob {
            fetch: Arc::new(LocalFetch::new("node", source.clone(), textfiles)),
            ..job("node", source)
        });
    }
    if options.containers {
        jobs.push(job("containers", Arc::new(Containers::new(roots, clock.clone()))));
    }
    if options.processes {
        jobs.push(job("gantry", Arc::new(processes)));
    }
    Ok(jobs)
}
