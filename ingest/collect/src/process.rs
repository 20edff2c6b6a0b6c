//! [`Processes`]: what this process and the commands that it runs use, as `process_*`.
//!
//! A command is watched with all that it started: `sh -c` and `make` do little themselves. What ended children used is
//! counted by the kernel at those who waited for them, so that the sum over a tree keeps rising. Names are those of
//! Prometheus' client libraries as far as they have any.
//! Never here: starting, stopping or signalling anything.

mod stat;
mod tree;

use crate::collect::{Collect, Collected};
use crate::families::Families;
use crate::roots::Roots;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use tree::Usage;

/// The commands that are watched, by number of process. Cheap to clone; clones share the list.
#[derive(Clone, Debug, Default)]
pub struct Watched(Arc<Mutex<BTreeMap<u32, String>>>);

/// A command is watched for as long as this lives.
#[derive(Debug)]
pub struct Watching {
    watched: Watched,
    pid: u32,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.watched.0.lock().remove(&self.pid);
    }
}

impl Watched {
    /// From now on process `pid` and those below it are told with the label `app`.
    #[must_use = "it is watched for as long as the answer lives"]
    pub fn watch(&self, app: impl Into<String>, pid: u32) -> Watching {
        self.0.lock().insert(pid, app.into());
        Watching { watched: self.clone(), pid }
    }
}

/// The collector. Series of this process alone have no label; those of watched commands have `app`.
#[derive(Debug)]
pub struct Processes {
    roots: Roots,
    watched: Watched,
    itself: bool,
    /// What was told last of each command, by process and start: what a tree used must not fall when a part of it goes to
    /// another parent.
    last: Mutex<BTreeMap<(u32, u64), Usage>>,
}

impl Processes {
    /// Watches this process and `watched`.
    pub fn new(roots: Roots, watched: Watched) -> Self {
        Processes { roots, watched, itself: true, last: Mutex::default() }
    }

    /// Watches `watched` only.
    pub fn of_others(roots: Roots, watched: Watched) -> Self {
        Processes { itself: false, ..Processes::new(roots, watched) }
    }

    /// What there is now, in Prometheus' text format.
    pub fn text(&self) -> String {
        self.collect().families.to_text()
    }

    fn others(&self, found: &mut Families) {
        let watched = self.watched.0.lock().clone();
        let all = if watched.is_empty() { Vec::new() } else { stat::all(&self.roots) };
        let mut last = self.last.lock();
        let mut told = BTreeMap::new();
        for (pid, app) in watched {
            let Some(root) = all.iter().find(|process| process.pid == pid) else { continue };
            let mut usage = Usage::of_tree(&self.roots, root, &all);
            let key = (pid, root.start_ticks);
            if let Some(before) = last.get(&key) {
                usage.not_below(before);
            }
            usage.tell(&self.roots, root, &[("app", &app)], found);
            told.insert(key, usage);
        }
        *last = told;
    }
}

impl Collect for Processes {
    fn collect(&self) -> Collected {
        let mut collected = Collected::default();
        if self.itself {
            match stat::read(&self.roots, "self") {
                Ok(this) => {
                    let usage = Usage::of(&self.roots, &this);
                    usage.tell(&self.roots, &this, &[], &mut collected.families);
                }
                Err(fault) => collected.faults.push(("process", fault)),
            }
        }
        self.others(&mut collected.families);
        collected
    }
}

/// When a process began, in ticks since the machine did.
pub(crate) fn start_ticks(roots: &Roots, pid: u32) -> Option<u64> {
    stat::read(roots, &pid.to_string()).ok().map(|stat| stat.start_ticks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    fn stat(pid: u32, parent: u32, ticks: u64, of_children: u64) -> String {
        format!(
            "{pid} (a ) b) S {parent} 1 1 0 -1 0 10 5 2 1 {ticks} 0 {of_children} 0 20 0 3 0 500 4096000 25 18446744073709551615 0\n"
        )
    }

    fn value(found: &Families, name: &str, app: &str) -> f64 {
        let family = found.get(name).unwrap_or_else(|| panic!("{name} is told"));
        let of = |sample: &&crate::families::Sample| sample.labels.iter().any(|(_, value)| value == app);
        family.samples.iter().find(of).unwrap().value
    }

    #[test]
    fn a_command_is_all_that_it_started_and_its_counters_never_fall() {
        let tree = Tree::new();
        tree.proc("stat", "btime 1000\n");
        tree.proc("10/stat", &stat(10, 1, 100, 0));
        tree.proc("11/stat", &stat(11, 10, 200, 50));
        tree.proc("12/stat", &stat(12, 11, 300, 0));
        tree.proc("99/stat", &stat(99, 1, 9000, 0));
        tree.proc("10/io", "rchar: 9\nread_bytes: 1000\nwrite_bytes: 10\n");
        let watched = Watched::default();
        let watching = watched.watch("job", 10);
        let processes = Processes::of_others(tree.roots(), watched);
        let found = processes.collect().families;
        assert_eq!(value(&found, "process_cpu_seconds_total", "job"), 6.5);
        assert_eq!(value(&found, "process_count", "job"), 3.0);
        assert_eq!(value(&found, "process_threads", "job"), 9.0);
        assert_eq!(value(&found, "process_read_bytes_total", "job"), 1000.0);
        assert_eq!(value(&found, "process_major_page_faults_total", "job"), 9.0);
        assert_eq!(value(&found, "process_start_time_seconds", "job"), 1005.0);
        tree.remove_proc("12");
        let found = processes.collect().families;
        assert_eq!(value(&found, "process_cpu_seconds_total", "job"), 6.5, "what went elsewhere is not taken back");
        assert_eq!(value(&found, "process_count", "job"), 2.0);
        drop(watching);
        assert_eq!(processes.collect().families.sample_count(), 0);
    }

    #[test]
    fn this_process_tells_of_itself() {
        let found = Processes::new(Roots::default(), Watched::default()).collect();
        assert!(found.faults.is_empty(), "{:?}", found.faults);
        for name in ["process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_threads"] {
            let family = found.families.get(name).unwrap();
            assert!(family.samples[0].labels.is_empty() && family.samples[0].value >= 1.0, "{family:?}");
        }
    }
}
