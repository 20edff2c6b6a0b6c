//! [`MachineOptions`].

use crate::options::duration;
use gantry_collect::{Filters, InvalidFilter, Roots};
use gantry_model::TenantId;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// Options that contradict each other or make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMachine {
    #[error(transparent)]
    Filter(#[from] InvalidFilter),
    #[error("interval: must be at least 1s")]
    Interval,
}

/// What is collected of the machine, and how often. Durations are written as `"15s"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MachineOptions {
    /// Processors, memory, disks, filesystems, network and more, under the names of node_exporter; job `node`. Default true.
    pub node: bool,
    /// Cgroups, under the names of cAdvisor; job `containers`. Default true.
    pub containers: bool,
    /// Gantry itself and the commands that it runs, as `process_*`; job `gantry`. Default true.
    pub processes: bool,
    /// Default 15 s.
    #[serde(with = "duration")]
    pub interval: Duration,
    /// Whose metrics they are. Default `default`.
    pub tenant: TenantId,
    /// The label `instance`. Default the name of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Where `/proc` of the machine is found. Default `/proc`.
    pub proc: PathBuf,
    /// Where `/sys` of the machine is found. Default `/sys`.
    pub sys: PathBuf,
    /// Where `/` of the machine is found. Default `/`.
    pub rootfs: PathBuf,
    /// A directory with files `*.prom`, read as node_exporter's `textfile` collector does. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub textfiles: Option<PathBuf>,
    /// Mount points that are left out.
    pub mount_points_exclude: String,
    /// Types of filesystems that are left out.
    pub filesystems_exclude: String,
    /// Disks that are left out.
    pub disks_exclude: String,
    /// Network interfaces that are left out.
    pub interfaces_exclude: String,
}

impl Default for MachineOptions {
    fn default() -> Self {
        let Roots { proc, sys, rootfs } = Roots::default();
        MachineOptions {
            node: true,
            containers: true,
            processes: true,
            interval: Duration::from_secs(15),
            tenant: TenantId::default_tenant(),
            instance: None,
            proc,
            sys,
            rootfs,
            textfiles: None,
            mount_points_exclude: Filters::MOUNT_POINTS.to_owned(),
            filesystems_exclude: Filters::FILESYSTEMS.to_owned(),
            disks_exclude: Filters::DISKS.to_owned(),
            interfaces_exclude: Filters::INTERFACES.to_owned(),
        }
    }
}

impl MachineOptions {
    /// # Errors
    /// What is wrong with them.
    pub fn check(&self) -> Result<(), InvalidMachine> {
        if self.interval < Duration::from_secs(1) {
            return Err(InvalidMachine::Interval);
        }
        self.filters().map(drop)
    }

    pub(super) fn filters(&self) -> Result<Filters, InvalidMachine> {
        let filters = Filters::excluding(
            &self.mount_points_exclude,
            &self.filesystems_exclude,
            &self.disks_exclude,
            &self.interfaces_exclude,
        );
        Ok(filters?)
    }

    /// Where the trees of the kernel are.
    pub fn roots(&self) -> Roots {
        Roots { proc: self.proc.clone(), sys: self.sys.clone(), rootfs: self.rootfs.clone() }
    }

    /// The label `instance`: what is set, or the machine's name.
    pub fn instance(&self) -> String {
        let name = || std::fs::read_to_string(self.proc.join("sys/kernel/hostname")).ok();
        let name = self.instance.clone().or_else(name).unwrap_or_default();
        match name.trim() {
            "" => "localhost".to_owned(),
            name => name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_sound_and_what_is_not_is_named() {
        MachineOptions::default().check().unwrap();
        let wrong = MachineOptions { disks_exclude: "(".to_owned(), ..MachineOptions::default() };
        assert!(wrong.check().unwrap_err().to_string().starts_with("disks_exclude: "));
        let wrong = MachineOptions { interval: Duration::from_millis(10), ..MachineOptions::default() };
        assert_eq!(wrong.check(), Err(InvalidMachine::Interval));
    }

    #[test]
    fn the_instance_is_the_name_of_the_machine_unless_it_is_set() {
        let set = MachineOptions { instance: Some("web-1".to_owned()), ..MachineOptions::default() };
        assert_eq!(set.instance(), "web-1");
        let nameless = MachineOptions { proc: "/nowhere".into(), ..MachineOptions::default() };
        assert_eq!(nameless.instance(), "localhost");
    }
}
