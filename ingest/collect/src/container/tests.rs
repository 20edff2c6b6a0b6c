//! Recorded hierarchies of both versions, small enough to be read here.

use super::*;
use crate::families::Sample;
use crate::testing::Tree;
use gantry_model::{ManualClock, Timestamp};
use proptest::prelude::*;
use std::os::unix::fs::symlink;

const UID: &str = "0f3c2b1a-1111-2222-3333-444455556666";

fn id(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn machine() -> Tree {
    let tree = Tree::new();
    tree.proc("stat", "cpu  1 2 3\ncpu0 1 1 1\ncpu1 0 1 2\nbtime 1000\n");
    tree.proc("meminfo", "MemTotal:  2048 kB\n");
    tree.proc("1/mounts", "/dev/sda / ext4 rw 0 0\n/dev/sda /again ext4 rw 0 0\nnfs:/x /nfs nfs rw 0 0\n");
    tree.root("etc/x", "");
    tree.proc("diskstats", "   8       0 sda 1 2 3\n");
    for (pid, start, namespace, received) in
        [(1, 0, "net:[1]", 5), (20, 700, "net:[2]", 70), (21, 900, "net:[2]", 70), (30, 500, "net:[1]", 5)]
    {
        tree.proc(&format!("{pid}/stat"), &format!("{pid} (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {start} 0 0\n"));
        let row = format!("  eth0: {received} 1 0 0 0 0 0 0 9 2 0 0 0 0 0 0\n lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n");
        tree.proc(&format!("{pid}/net/dev"), &format!("Inter-|\n face |\n{row}"));
        std::fs::create_dir_all(tree.roots().proc.join(format!("{pid}/ns"))).unwrap();
        symlink(namespace, tree.roots().proc.join(format!("{pid}/ns/net"))).unwrap();
    }
    tree
}

fn collect(tree: &Tree) -> Families {
    let clock = Arc::new(ManualClock::at(Timestamp(2_000_500_000_000)));
    let collected = Containers::new(tree.roots(), clock).collect();
    assert!(collected.faults.is_empty(), "{:?}", collected.faults);
    collected.families
}

fn label<'s>(sample: &'s Sample, name: &str) -> &'s str {
    sample.labels.iter().find(|(label, _)| label == name).map_or("", |(_, value)| value)
}

/// The value of the only sample of a group, of those that have this label too.
fn value(found: &Families, name: &str, group: &str, more: Option<(&str, &str)>) -> Option<f64> {
    let matches = |sample: &&Sample| {
        label(sample, "id") == group && more.is_none_or(|(name, value)| label(sample, name) == value)
    };
    let matching: Vec<&Sample> = found.get(name)?.samples.iter().filter(matches).collect();
    assert!(matching.len() <= 1, "{name} of {group}: {matching:?}");
    matching.first().map(|sample| sample.value)
}

#[test]
fn a_pod_of_cgroup_v2_is_told_as_cadvisor_tells_it() {
    let tree = machine();
    let pod = format!("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{}.slice", UID.replace('-', "_"));
    let container = format!("{pod}/cri-containerd-{}.scope", id('a'));
    let file = |group: &str, name: &str, text: &str| tree.sys(&format!("fs/cgroup{group}/{name}"), text);
    tree.sys("fs/cgroup/cgroup.controllers", "cpu io memory pids\n");
    for group in ["", "/kubepods.slice", "/kubepods.slice/kubepods-burstable.slice", &pod] {
        file(group, "cgroup.procs", "");
    }
    file("", "cgroup.procs", "1\n");
    file("", "memory.stat", "anon 100\nfile 50\nkernel 5\ninactive_file 30\n");
    file("/empty.slice", "cgroup.procs", "");
    file(&container, "cgroup.procs", "21\n20\n");
    file(
        &container,
        "cpu.stat",
        "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\nnr_periods 10\nnr_throttled 4\nthrottled_usec 1500000\n",
    );
    file(&container, "cpu.max", "50000 100000\n");
    file(&container, "cpu.weight", "79\n");
    file(&container, "memory.current", "1000\n");
    file(&container, "memory.peak", "1500\n");
    file(&container, "memory.max", "4096\n");
    file(&container, "memory.swap.max", "max\n");
    file(&container, "memory.stat", "anon 400\nfile 500\nfile_mapped 60\ninactive_file 300\npgfault 7\npgmajfault 2\n");
    file(&container, "memory.events", "low 0\nmax 3\noom 2\noom_kill 1\n");
    file(&container, "io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n");
    file(&container, "pids.current", "9\n");
    file(&container, "pids.max", "max\n");
    file(
        &container,
        "memory.pressure",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=3000000\nfull avg10=0.00 total=1000000\n",
    );
    tree.root(&format!("var/log/pods/shop_web-1_{UID}/nginx/0.log"), "");
    tree.root(&format!("var/log/containers/web-1_shop_nginx-{}.log", id('a')), "");
    let found = collect(&tree);
    let of = |name: &str| value(&found, name, &container, None);
    assert_eq!(value(&found, "container_cpu_usage_seconds_total", &container, Some(("cpu", "total"))), Some(2.5));
    assert_eq!(
        (of("container_cpu_user_seconds_total"), of("container_cpu_system_seconds_total")),
        (Some(2.0), Some(0.5))
    );
    assert_eq!(of("container_cpu_cfs_throttled_seconds_total"), Some(1.5));
    assert_eq!((of("container_spec_cpu_quota"), of("container_spec_cpu_period")), (Some(50000.0), Some(100_000.0)));
    assert_eq!(of("container_spec_cpu_shares"), Some(2046.0), "weight 79 is what 2048 shares become");
    assert_eq!(
        (of("container_memory_usage_bytes"), of("container_memory_working_set_bytes")),
        (Some(1000.0), Some(700.0))
    );
    assert_eq!((of("container_memory_rss"), of("container_memory_cache")), (Some(400.0), Some(500.0)));
    assert_eq!((of("container_memory_failcnt"), of("container_oom_events_total")), (Some(3.0), Some(1.0)));
    assert_eq!(
        (of("container_spec_memory_limit_bytes"), of("container_spec_memory_swap_limit_bytes")),
        (Some(4096.0), Some(0.0))
    );
    assert_eq!(
        (of("container_processes"), of("container_threads"), of("container_threads_max")),
        (Some(2.0), Some(9.0), Some(0.0))
    );
    assert_eq!(value(&found, "container_fs_writes_bytes_total", &container, Some(("device", "/dev/sda"))), Some(20.0));
    let written = found.get("container_blkio_device_usage_total").unwrap().samples.iter();
    let written: Vec<f64> = written.filter(|s| label(s, "operation") == "Write").map(|s| s.value).collect();
    assert_eq!(written, [20.0]);
    assert_eq!(of("container_pressure_memory_stalled_seconds_total"), Some(1.0));
    assert_eq!((of("container_start_time_seconds"), of("container_last_seen")), (Some(1007.0), Some(2000.0)));
    let sample =
        found.get("container_memory_rss").unwrap().samples.iter().find(|s| label(s, "id") == container).unwrap();
    let labels = ["container", "pod", "namespace", "name", "image"].map(|name| label(sample, name));
    assert_eq!(labels, ["nginx", "web-1", "shop", &id('a'), ""]);
    assert_eq!(
        value(&found, "container_memory_usage_bytes", "/", None),
        Some(155.0),
        "the root is the sum of its pages"
    );
    assert_eq!(value(&found, "container_processes", "/empty.slice", None), None, "nothing runs there");
}

#[test]
fn the_network_of_a_pod_is_told_once_and_that_of_the_machine_at_the_root() {
    let tree = machine();
    let pod = format!("/kubepods/pod{UID}");
    let container = format!("{pod}/{}", id('b'));
    tree.sys("fs/cgroup/cgroup.controllers", "memory\n");
    tree.sys("fs/cgroup/cgroup.procs", "1\n");
    tree.sys(&format!("fs/cgroup{container}/cgroup.procs"), "20\n");
    tree.sys(&format!("fs/cgroup/docker/{}/cgroup.procs", id('c')), "30\n");
    tree.root(&format!("var/log/pods/shop_web-1_{UID}/x"), "");
    let found = collect(&tree);
    let received =
        |group: &str| value(&found, "container_network_receive_bytes_total", group, Some(("interface", "eth0")));
    assert_eq!((received("/"), received(&pod), received(&container)), (Some(5.0), Some(70.0), None));
    assert_eq!(received(&format!("/docker/{}", id('c'))), None, "it shares the network of the machine");
    let limits = &found.get("container_fs_limit_bytes").unwrap().samples;
    assert_eq!((limits.len(), label(&limits[0], "id"), label(&limits[0], "device")), (1, "/", "/dev/sda"));
    let family = found.get("container_network_receive_bytes_total").unwrap();
    let of_pod = family.samples.iter().find(|sample| label(sample, "id") == pod).unwrap();
    assert_eq!((label(of_pod, "pod"), label(of_pod, "namespace"), label(of_pod, "container")), ("web-1", "shop", ""));
    assert!(family.samples.iter().all(|sample| label(sample, "interface") != "lo"));
}

#[test]
fn a_container_of_cgroup_v1_is_told_as_cadvisor_tells_it() {
    let tree = machine();
    let group = format!("/docker/{}", id('d'));
    let file =
        |controller: &str, name: &str, text: &str| tree.sys(&format!("fs/cgroup/{controller}{group}/{name}"), text);
    for controller in ["memory", "cpu,cpuacct", "blkio", "pids"] {
        tree.sys(&format!("fs/cgroup/{controller}/cgroup.procs"), "1\n");
        file(controller, "cgroup.procs", "20\n21\n");
    }
    file("cpu,cpuacct", "cpuacct.usage", "2500000000\n");
    file("cpu,cpuacct", "cpuacct.stat", "user 200\nsystem 50\n");
    file("cpu,cpuacct", "cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n");
    file("cpu,cpuacct", "cpu.cfs_quota_us", "-1\n");
    file("cpu,cpuacct", "cpu.cfs_period_us", "100000\n");
    file("cpu,cpuacct", "cpu.shares", "1024\n");
    file("memory", "memory.usage_in_bytes", "1000\n");
    file("memory", "memory.max_usage_in_bytes", "1500\n");
    file("memory", "memory.failcnt", "3\n");
    file("memory", "memory.limit_in_bytes", "9223372036854771712\n");
    file(
        "memory",
        "memory.stat",
        "rss 1\ntotal_rss 400\ntotal_cache 500\ntotal_mapped_file 60\ntotal_inactive_file 300\ntotal_swap 5\n",
    );
    file("memory", "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
    file("blkio", "blkio.throttle.io_service_bytes_recursive", "8:0 Read 10\n8:0 Write 20\n8:0 Total 30\nTotal 30\n");
    file("blkio", "blkio.throttle.io_serviced_recursive", "8:0 Read 1\n8:0 Write 2\nTotal 3\n");
    file("pids", "pids.current", "9\n");
    file("pids", "pids.max", "100\n");
    let config = r#"{"Name":"/web","Config":{"Image":"nginx:1","Labels":{}}}"#;
    tree.root(&format!("var/lib/docker/containers/{}/config.v2.json", id('d')), config);
    let found = collect(&tree);
    let of = |name: &str| value(&found, name, &group, None);
    assert_eq!(
        (of("container_cpu_usage_seconds_total"), of("container_cpu_user_seconds_total")),
        (Some(2.5), Some(2.0))
    );
    assert_eq!(
        (of("container_spec_cpu_quota"), of("container_cpu_cfs_periods_total")),
        (None, None),
        "there is no quota"
    );
    assert_eq!((of("container_spec_cpu_shares"), of("container_spec_memory_limit_bytes")), (Some(1024.0), Some(0.0)));
    assert_eq!((of("container_memory_working_set_bytes"), of("container_memory_rss")), (Some(700.0), Some(400.0)));
    assert_eq!((of("container_memory_failcnt"), of("container_oom_events_total")), (Some(3.0), Some(1.0)));
    assert_eq!((of("container_fs_reads_bytes_total"), of("container_fs_writes_total")), (Some(10.0), Some(2.0)));
    assert_eq!((of("container_threads"), of("container_threads_max")), (Some(9.0), Some(100.0)));
    assert_eq!(value(&found, "container_network_receive_bytes_total", &group, None), Some(70.0));
    let sample = &found.get("container_memory_rss").unwrap().samples[0];
    assert_eq!((label(sample, "name"), label(sample, "image")), ("web", "nginx:1"));
    assert_eq!(found.get("machine_cpu_cores").unwrap().samples[0].value, 2.0);
    assert_eq!(found.get("machine_memory_bytes").unwrap().samples[0].value, 2_097_152.0);
}

#[test]
fn a_machine_without_cgroups_is_no_fault() {
    let tree = Tree::new();
    tree.proc("stat", "cpu0 1\n");
    tree.proc("meminfo", "");
    let collected = Containers::new(tree.roots(), Arc::new(ManualClock::default())).collect();
    assert!(collected.faults.iter().all(|(_, fault)| fault.is_absent()), "{:?}", collected.faults);
}

#[test]
fn more_groups_than_can_be_told_are_a_fault_that_is_named() {
    let tree = machine();
    tree.sys("fs/cgroup/cgroup.controllers", "");
    for group in 0..2100 {
        tree.sys(&format!("fs/cgroup/g{group}/cgroup.procs"), "20\n");
    }
    let collected = Containers::new(tree.roots(), Arc::new(ManualClock::default())).collect();
    assert_eq!(collected.faults.len(), 1, "{:?}", collected.faults);
    assert!(collected.faults[0].1.to_string().contains("more than 2000 cgroups"), "{:?}", collected.faults);
    assert_eq!(collected.families.get("container_processes").unwrap().samples.len(), 2000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_in_a_group_makes_it_panic(text in "(8:0 |Read|rbytes=|some|total=|max|nr_periods|total_rss|[0-9]{1,25}|[a-z]+|[ :=/\n-]){0,40}") {
        for controllers in [true, false] {
            let tree = Tree::new();
            for name in ["stat", "diskstats", "1/mounts", "1/net/dev", "meminfo", "7/stat"] {
                tree.proc(name, &text);
            }
            let base = if controllers { "fs/cgroup" } else { "fs/cgroup/memory" };
            let files = ["cpu.stat", "cpu.max", "memory.stat", "memory.max", "io.stat", "io.pressure", "memory.events", "memory.usage_in_bytes"];
            files.iter().for_each(|file| tree.sys(&format!("{base}/{file}"), &text));
            tree.sys(&format!("{base}/cgroup.procs"), "7\n");
            if controllers {
                tree.sys("fs/cgroup/cgroup.controllers", "");
            }
            let _ = Containers::new(tree.roots(), Arc::new(ManualClock::default())).collect();
        }
    }
}
