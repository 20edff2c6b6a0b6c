//! [`Filters`]: what is left out.

use regex::Regex;

/// A filter that is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {message}")]
pub struct InvalidFilter {
    pub key: &'static str,
    pub message: String,
}

/// Devices, mount points and fields that are left out or kept. The defaults are those of node_exporter.
#[derive(Clone, Debug)]
pub struct Filters {
    pub(super) mount_points: Regex,
    pub(super) filesystems: Regex,
    pub(super) disks: Regex,
    pub(super) interfaces: Regex,
    pub(super) vmstat: Regex,
    pub(super) netstat: Regex,
}

const VMSTAT: &str = "^(oom_kill|pgpg|pswp|pg.*fault).*";
const NETSTAT: &str = "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|\
    TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|\
    Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|\
    Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$";

impl Filters {
    /// Of mount points that are left out.
    pub const MOUNT_POINTS: &str =
        r"^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)";
    /// Of types of filesystems that are left out.
    pub const FILESYSTEMS: &str = "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|\
        iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$";
    /// Of disks that are left out.
    pub const DISKS: &str = r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$";
    /// Of network interfaces that are left out: none.
    pub const INTERFACES: &str = "^$";

    /// What of mount points, types of filesystems, disks and network interfaces is left out.
    ///
    /// # Errors
    /// The first that is no regular expression.
    pub fn excluding(
        mount_points: &str,
        filesystems: &str,
        disks: &str,
        interfaces: &str,
    ) -> Result<Self, InvalidFilter> {
        let regex =
            |key, text: &str| Regex::new(text).map_err(|error| InvalidFilter { key, message: error.to_string() });
        Ok(Filters {
            mount_points: regex("mount_points_exclude", mount_points)?,
            filesystems: regex("filesystems_exclude", filesystems)?,
            disks: regex("disks_exclude", disks)?,
            interfaces: regex("interfaces_exclude", interfaces)?,
            vmstat: regex("vmstat", VMSTAT)?,
            netstat: regex("netstat", NETSTAT)?,
        })
    }
}

impl Default for Filters {
    fn default() -> Self {
        Filters::excluding(Filters::MOUNT_POINTS, Filters::FILESYSTEMS, Filters::DISKS, Filters::INTERFACES)
            .expect("the defaults are regular expressions")
    }
}
