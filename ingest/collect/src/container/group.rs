//! [`Cgroups`]: which hierarchies there are, and the groups in them.

use super::usage::Usage;
use super::{v1, v2};
use crate::error::CollectError;
use crate::roots::{Roots, attribute};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Most groups that are told, and how deep they may lie; machines with more run something else than containers.
const MAX_GROUPS: usize = 2000;
const MAX_DEPTH: usize = 10;

/// Controllers of cgroup v1 that are read, by the directories in which they may be mounted.
const CONTROLLERS: [(&str, &[&str]); 5] = [
    ("memory", &["memory"]),
    ("cpuacct", &["cpuacct", "cpu,cpuacct", "cpuacct,cpu"]),
    ("cpu", &["cpu", "cpu,cpuacct", "cpuacct,cpu"]),
    ("blkio", &["blkio"]),
    ("pids", &["pids"]),
];

/// Where groups are found.
#[derive(Debug)]
pub(super) enum Cgroups {
    /// A directory for each controller.
    V1(BTreeMap<&'static str, PathBuf>),
    /// One directory.
    V2(PathBuf),
}

/// One group: its path from the root of the hierarchies, which is its `id`, and its directories.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    pub id: String,
    /// By controller; of v2 there is one, with an empty name.
    directories: BTreeMap<&'static str, PathBuf>,
    /// Of this group and those below it.
    pids: Vec<u32>,
}

impl Group {
    /// A file of the only directory.
    pub fn read(&self, file: &str) -> Option<String> {
        self.read_of("", file)
    }

    /// A file of a controller; `None` when there is none, or it cannot be read now.
    pub fn read_of(&self, controller: &str, file: &str) -> Option<String> {
        attribute(&self.directories.get(controller)?.join(file))
    }

    /// Processes of this group and of those below it, the lowest numbers first, which are mostly the oldest.
    pub fn pids(&self) -> &[u32] {
        &self.pids
    }

    pub fn processes(&self) -> usize {
        self.pids.len()
    }

    pub fn is_root(&self) -> bool {
        self.id == "/"
    }
}

impl Cgroups {
    /// # Errors
    /// `Absent` when no controller is mounted.
    pub fn detect(roots: &Roots) -> Result<Self, CollectError> {
        let root = roots.sys("fs/cgroup");
        if root.join("cgroup.controllers").exists() {
            return Ok(Cgroups::V2(root));
        }
        let place = |(name, places): (&'static str, &[&str])| {
            let place = places.iter().map(|place| root.join(place)).find(|place| place.join("cgroup.procs").exists());
            Some((name, place?))
        };
        let found: BTreeMap<_, _> = CONTROLLERS.into_iter().filter_map(place).collect();
        if found.is_empty() { Err(CollectError::Absent(root)) } else { Ok(Cgroups::V1(found)) }
    }

    /// All groups in which something runs, and the root; at most so many.
    pub fn walk(&self) -> (Vec<Group>, Result<(), CollectError>) {
        let mut walk = Walk::default();
        match self {
            Cgroups::V1(controllers) => {
                for (controller, root) in controllers {
                    walk.visit(controller, root, "/", 0);
                }
            }
            Cgroups::V2(root) => {
                walk.visit("", root, "/", 0);
            }
        }
        let running = |group: &Group| group.is_root() || !group.pids.is_empty();
        let all = match walk.left_out {
            false => Ok(()),
            true => Err(CollectError::TooMany { what: "cgroups", limit: MAX_GROUPS }),
        };
        (walk.groups.into_values().filter(running).collect(), all)
    }

    pub fn usage(&self, group: &Group) -> Result<Usage, CollectError> {
        match self {
            Cgroups::V1(_) => Ok(v1::usage(group)),
            Cgroups::V2(_) => v2::usage(group),
        }
    }
}

/// Groups while they are found.
#[derive(Debug, Default)]
struct Walk {
    groups: BTreeMap<String, Group>,
    left_out: bool,
}

impl Walk {
    /// Enters a group and those below it; answers with the processes of all of them, the lowest numbers first.
    fn visit(&mut self, controller: &'static str, directory: &Path, id: &str, depth: usize) -> Vec<u32> {
        if depth > MAX_DEPTH || (self.groups.len() >= MAX_GROUPS && !self.groups.contains_key(id)) {
            self.left_out = true;
            return Vec::new();
        }
        let group = self.groups.entry(id.to_owned()).or_insert_with(|| Group { id: id.to_owned(), ..Group::default() });
        group.directories.insert(controller, directory.to_owned());
        let own = attribute(&directory.join("cgroup.procs")).unwrap_or_default();
        let mut pids: Vec<u32> = own.lines().filter_map(|pid| pid.parse().ok()).collect();
        let below = fs::read_dir(directory).into_iter().flatten().flatten();
        let below = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        for entry in below {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let id = format!("{}/{name}", id.trim_end_matches('/'));
            pids.extend(self.visit(controller, &entry.path(), &id, depth + 1));
        }
        pids.sort_unstable();
        // Hierarchies of v1 may sort processes differently: the fullest view counts.
        if let Some(group) = self.groups.get_mut(id).filter(|group| group.pids.len() < pids.len()) {
            group.pids.clone_from(&pids);
        }
        pids
    }
}
