//! A recorded machine, small enough to be read here, with hardware that the machine of the tests may not have.

use super::*;
use crate::families::Sample;
use crate::testing::Tree;
use gantry_model::{ManualClock, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::os::unix::fs::symlink;

fn node(tree: &Tree) -> Node {
    let clock = Arc::new(ManualClock::at(Timestamp(1_700_000_000_500_000_000)));
    Node::new(tree.roots(), Filters::default(), clock)
}

/// Runs one collector.
fn run(tree: &Tree, name: &str) -> (Families, Result) {
    let node = node(tree);
    let (_, run) = COLLECTORS.iter().find(|(other, _)| *other == name).unwrap();
    let mut found = Families::default();
    let outcome = run(&node.context, &mut found);
    (found, outcome)
}

/// The samples of a family as `label=value,... value`, sorted.
fn told(found: &Families, name: &str) -> Vec<String> {
    let line = |sample: &Sample| {
        let labels: Vec<String> = sample.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} {}", labels.join(","), sample.value).trim().to_owned()
    };
    let mut lines: Vec<String> = found.get(name).map(|f| f.samples.iter().map(line).collect()).unwrap_or_default();
    lines.sort();
    lines
}

#[test]
fn every_collector_says_whether_it_found_anything_and_none_hinders_another() {
    let tree = Tree::new();
    tree.proc("loadavg", "0.5 1 1.5 1/200 300\n");
    tree.proc("meminfo", "no colon here\n");
    let Collected { families, faults } = node(&tree).collect();
    let success = told(&families, "node_scrape_collector_success");
    assert_eq!(success.len(), COLLECTORS.len());
    assert!(success.contains(&"collector=loadavg 1".to_owned()) && success.contains(&"collector=meminfo 0".to_owned()));
    assert_eq!(told(&families, "node_load15"), ["1.5"]);
    let broken: Vec<&str> = faults.iter().filter(|(_, fault)| !fault.is_absent()).map(|(name, _)| *name).collect();
    assert_eq!(broken, ["meminfo"], "what is absent is no fault: {faults:?}");
    assert_eq!(told(&families, "node_scrape_collector_duration_seconds").len(), COLLECTORS.len());
}

#[test]
fn a_collector_that_hangs_is_left_alone_and_the_others_go_on() {
    let tree = Tree::new();
    tree.proc("meminfo", "MemTotal: 1 kB\n");
    let pipe = tree.roots().proc.join("loadavg");
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, 0o600.into(), 0).unwrap();
    let clock = Arc::new(ManualClock::default());
    let node = Node::limited(tree.roots(), Filters::default(), clock, Duration::from_millis(50));
    for _ in 0..2 {
        let Collected { families, faults } = node.collect();
        assert_eq!(told(&families, "node_memory_MemTotal_bytes"), ["1024"]);
        let hangs =
            |(name, fault): &(&str, CollectError)| *name == "loadavg" && matches!(fault, CollectError::Hangs(_));
        assert!(faults.iter().any(hangs), "{faults:?}");
        let success = told(&families, "node_scrape_collector_success");
        assert!(
            success.contains(&"collector=loadavg 0".to_owned()) && success.contains(&"collector=meminfo 1".to_owned())
        );
        assert!(node.context.guard.under_way() >= 1, "it was asked once");
    }
    std::fs::write(&pipe, "1 2 3 1/1 1\n").unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while node.context.guard.under_way() > 0 {
        assert!(Instant::now() < deadline, "it comes back");
        std::thread::yield_now();
    }
}

#[test]
fn time_of_processors_never_runs_backwards_unless_they_were_off() {
    let tree = Tree::new();
    let stat =
        |idle: u32| tree.proc("stat", &format!("cpu  9 9 9 9\ncpu0 100 0 50 {idle} 10 0 0 0 7 8\nctxt 5\nbtime 7\n"));
    let node = node(&tree);
    let idle = || {
        let found = node.collect().families;
        let all = told(&found, "node_cpu_seconds_total");
        all.into_iter().find(|line| line.contains("mode=idle")).unwrap()
    };
    stat(1000);
    assert_eq!(idle(), "cpu=0,mode=idle 10");
    stat(990);
    assert_eq!(idle(), "cpu=0,mode=idle 10", "an estimate that fell");
    stat(5);
    assert_eq!(idle(), "cpu=0,mode=idle 0.05", "it was switched off and on");
    let (found, _) = run(&tree, "cpu");
    assert_eq!(told(&found, "node_cpu_guest_seconds_total"), ["cpu=0,mode=nice 0.08", "cpu=0,mode=user 0.07"]);
}

#[test]
fn names_of_memory_are_made_of_the_kernels_own() {
    let tree = Tree::new();
    tree.proc("meminfo", "MemTotal:  10 kB\nActive(anon): 3 kB\nHugePages_Total:   4\n");
    let (found, outcome) = run(&tree, "meminfo");
    outcome.unwrap();
    assert_eq!(told(&found, "node_memory_MemTotal_bytes"), ["10240"]);
    assert_eq!(told(&found, "node_memory_Active_anon_bytes"), ["3072"]);
    assert_eq!(told(&found, "node_memory_HugePages_Total"), ["4"]);
}

#[test]
fn disks_are_told_with_what_udev_knows_and_partitions_are_left_out() {
    let tree = Tree::new();
    let counts = "10 1 4 500 20 2 8 600 3 700 800 5 6 7 900 11 1000";
    tree.proc("diskstats", &format!("   8 0 sda {counts}\n   8 1 sda1 {counts}\n   7 0 loop0 {counts}\n"));
    tree.root("run/udev/data/b8:0", "S:disk/x\nE:ID_MODEL=Fast\nE:ID_SERIAL_SHORT=S1\nE:ID_FS_TYPE=ext4\nE:ID_ATA=1\nE:ID_ATA_ROTATION_RATE_RPM=7200\n");
    let (found, outcome) = run(&tree, "diskstats");
    outcome.unwrap();
    assert_eq!(told(&found, "node_disk_read_bytes_total"), ["device=sda 2048"]);
    assert_eq!(told(&found, "node_disk_io_time_weighted_seconds_total"), ["device=sda 0.8"]);
    assert_eq!(told(&found, "node_disk_flush_requests_time_seconds_total"), ["device=sda 1"]);
    assert_eq!(
        told(&found, "node_disk_info"),
        ["device=sda,major=8,minor=0,path=,wwn=,model=Fast,serial=S1,revision= 1"]
    );
    assert_eq!(told(&found, "node_disk_filesystem_info"), ["device=sda,type=ext4,usage=,uuid=,version= 1"]);
    assert_eq!(told(&found, "node_disk_ata_rotation_rate_rpm"), ["device=sda 7200"]);
}

#[test]
fn a_mount_that_cannot_be_asked_is_told_as_such() {
    let tree = Tree::new();
    tree.proc("1/mounts", "/dev/a /there ext4 ro 0 0\n/dev/b /gone ext4 rw 0 0\nnfs:/x /nfs nfs4 rw 0 0\nproc /proc proc rw 0 0\n/dev/a /there ext4 ro 0 0\n");
    tree.root("there/file", "");
    tree.root("nfs/file", "");
    let (found, outcome) = run(&tree, "filesystem");
    outcome.unwrap();
    let errors = told(&found, "node_filesystem_device_error");
    let expected = [
        "device=/dev/a,mountpoint=/there,fstype=ext4 0",
        "device=/dev/b,mountpoint=/gone,fstype=ext4 1",
        "device=nfs:/x,mountpoint=/nfs,fstype=nfs4 0",
    ];
    assert_eq!(errors, expected);
    assert_eq!(told(&found, "node_filesystem_readonly")[0], "device=/dev/a,mountpoint=/there,fstype=ext4 1");
    assert_eq!(told(&found, "node_filesystem_size_bytes").len(), 2);
}

#[test]
fn sensors_have_names_that_do_not_depend_on_the_order_of_modules() {
    let tree = Tree::new();
    tree.sys("devices/platform/coretemp.0/x", "");
    for (file, text) in [
        ("name", "coretemp\n"),
        ("temp1_input", "55000\n"),
        ("temp1_label", "Package id 0\n"),
        ("temp1_crit_alarm", "0\n"),
        ("fan1_input", "900\n"),
        ("in0_max", "1744\n"),
        ("energy1_input", "5000000\n"),
    ] {
        tree.sys(&format!("class/hwmon/hwmon3/{file}"), text);
    }
    symlink("../../../devices/platform/coretemp.0", tree.roots().sys("class/hwmon/hwmon3/device")).unwrap();
    let (found, outcome) = run(&tree, "hwmon");
    outcome.unwrap();
    let chip = "chip=platform_coretemp_0";
    assert_eq!(told(&found, "node_hwmon_chip_names"), [format!("{chip},chip_name=coretemp 1")]);
    assert_eq!(told(&found, "node_hwmon_temp_celsius"), [format!("{chip},sensor=temp1 55")]);
    assert_eq!(told(&found, "node_hwmon_temp_crit_alarm_celsius"), [format!("{chip},sensor=temp1 0")]);
    assert_eq!(told(&found, "node_hwmon_sensor_label"), [format!("{chip},sensor=temp1,label=Package id 0 1")]);
    assert_eq!(told(&found, "node_hwmon_fan_rpm"), [format!("{chip},sensor=fan1 900")]);
    assert_eq!(told(&found, "node_hwmon_in_max_volts"), [format!("{chip},sensor=in0 1.744")]);
    assert_eq!(told(&found, "node_hwmon_energy_joule_total"), [format!("{chip},sensor=energy1 5")]);
}

#[test]
fn arrays_that_lack_disks_or_are_repaired_are_told() {
    let tree = Tree::new();
    tree.proc(
        "mdstat",
        "Personalities : [raid1] [raid6]\n\
         md0 : active raid1 sdb1[1](F) sda1[0]\n      248896 blocks super 1.2 [2/1] [U_]\n      \n\
         md1 : active raid1 sdd1[2] sdc1[0]\n      1000 blocks [2/1] [U_]\n      [==>....]  recovery = 40.0% (400/1000) finish=1min speed=2K/sec\n\n\
         md2 : inactive sde[0](S)\n      500 blocks super external:imsm\n\nunused devices: <none>\n",
    );
    let (found, outcome) = run(&tree, "mdadm");
    outcome.unwrap();
    let disks = told(&found, "node_md_disks");
    for line in [
        "device=md0,state=active 1",
        "device=md0,state=failed 1",
        "device=md1,state=active 1",
        "device=md2,state=spare 1",
    ] {
        assert!(disks.contains(&line.to_owned()), "{line}: {disks:?}");
    }
    assert_eq!(told(&found, "node_md_disks_required"), ["device=md0 2", "device=md1 2", "device=md2 0"]);
    assert_eq!(told(&found, "node_md_blocks_synced"), ["device=md0 248896", "device=md1 400", "device=md2 500"]);
    let states = told(&found, "node_md_state");
    for line in [
        "device=md0,state=active 1",
        "device=md1,state=recovering 1",
        "device=md1,state=active 0",
        "device=md2,state=inactive 1",
    ] {
        assert!(states.contains(&line.to_owned()), "{line}: {states:?}");
    }
}

#[test]
fn hardware_of_other_machines_is_told_under_the_names_of_node_exporter() {
    let tree = Tree::new();
    let files = [
        ("class/net/bonding_masters", "bond0\n"),
        ("class/net/bond0/bonding/slaves", "eth0 eth1\n"),
        ("class/net/bond0/lower_eth0/bonding_slave/mii_status", "up\n"),
        ("class/net/bond0/lower_eth1/bonding_slave/mii_status", "down\n"),
        ("class/nvme/nvme0/model", "Fast SSD   \n"),
        ("class/nvme/nvme0/state", "live\n"),
        ("class/power_supply/BAT0/type", "Battery\n"),
        ("class/power_supply/BAT0/energy_now", "36580000\n"),
        ("class/power_supply/BAT0/temp", "301\n"),
        ("class/power_supply/BAT0/capacity", "81\n"),
        ("class/powercap/intel-rapl:0/name", "package-0\n"),
        ("class/powercap/intel-rapl:0/energy_uj", "2500000\n"),
        ("class/thermal/thermal_zone0/type", "acpitz\n"),
        ("class/thermal/thermal_zone0/temp", "27800\n"),
        ("class/infiniband/mlx4_0/fw_ver", "2.31\n"),
        ("class/infiniband/mlx4_0/ports/1/state", "4: ACTIVE\n"),
        ("class/infiniband/mlx4_0/ports/1/rate", "40 Gb/sec (4X QDR)\n"),
        ("class/infiniband/mlx4_0/ports/1/counters/port_rcv_data", "100\n"),
        ("devices/system/edac/mc/mc0/ce_count", "1\n"),
        ("devices/system/edac/mc/mc0/csrow0/ch0_ce_count", "3\n"),
        ("devices/system/edac/mc/mc0/csrow0/ch0_dimm_label", "mc#0csrow#0channel#0\n"),
        ("devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1700000\n"),
        ("devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"),
        ("devices/system/cpu/cpu0/cpufreq/scaling_available_governors", "performance powersave\n"),
        ("fs/xfs/sda1/stats/stats", "extent_alloc 1 872 0 0\nrw 28 5\n"),
        ("fs/selinux/enforce", "1"),
    ];
    files.iter().for_each(|(path, text)| tree.sys(path, text));
    tree.proc("schedstat", "version 15\ncpu0 0 0 0 0 0 0 2000000000 3000000000 4\ndomain0 3 1 2\n");
    let found = node(&tree).collect().families;
    let expected = [
        ("node_bonding_active", "master=bond0 1"),
        ("node_bonding_slaves", "master=bond0 2"),
        ("node_nvme_info", "device=nvme0,firmware_revision=,model=Fast SSD,serial=,state=live 1"),
        ("node_power_supply_energy_watthour", "power_supply=BAT0 36.58"),
        ("node_power_supply_temp_celsius", "power_supply=BAT0 30.1"),
        ("node_power_supply_capacity", "power_supply=BAT0 81"),
        ("node_power_supply_info", "power_supply=BAT0,type=Battery 1"),
        ("node_thermal_zone_temp", "zone=0,type=acpitz 27.8"),
        ("node_infiniband_rate_bytes_per_second", "device=mlx4_0,port=1 5000000000"),
        ("node_infiniband_port_data_received_bytes_total", "device=mlx4_0,port=1 400"),
        ("node_edac_correctable_errors_total", "controller=0 1"),
        (
            "node_edac_channel_correctable_errors_total",
            "controller=0,csrow=0,channel=0,dimm_label=mc0_csrow0_channel0 3",
        ),
        ("node_cpu_scaling_frequency_hertz", "cpu=0 1700000000"),
        ("node_xfs_extent_allocation_blocks_allocated_total", "device=sda1 872"),
        ("node_xfs_read_calls_total", "device=sda1 5"),
        ("node_selinux_current_mode", "1"),
        ("node_schedstat_waiting_seconds_total", "cpu=0 3"),
    ];
    for (name, line) in expected {
        assert_eq!(told(&found, name), [line], "{name}");
    }
    assert_eq!(told(&found, "node_rapl_package_joules_total").len(), 1);
    assert_eq!(
        told(&found, "node_cpu_scaling_governor"),
        ["cpu=0,governor=performance 0", "cpu=0,governor=powersave 1"]
    );
}

#[test]
fn filesystems_and_balancers_of_other_machines_are_told_too() {
    let tree = Tree::new();
    tree.proc("net/rpc/nfs", "net 70 70 69 45\nrpc 1000 3 7\nproc3 22 1 2 3 4 5\nproc4 3 98 51 54\n");
    tree.proc("net/rpc/nfsd", "rc 0 6 18\nfh 1 0 0\nth 8 0\nrpc 20 3 1 2 0\nproc4ops 6 0 0 0 11 12 13\n");
    tree.proc("net/ip_vs_stats", "   Total Incoming\n   Conns Packets\n 10 20 0 FF 1\n");
    let header = "IP Virtual Server\nProt LocalAddress:Port\n  -> RemoteAddress:Port\n";
    let services = "TCP  C0A80016:0CEA wlc\n  -> C0A85216:0CEA  Tunnel  100  248  2\nFWM  10001000 wlc\n  -> C0A8321A:0050  Tunnel  20  64  1\n";
    tree.proc("net/ip_vs", &format!("{header}{services}"));
    tree.proc("spl/kstat/zfs/arcstats", "6 1 0x01 91 4368 1 2\nname type data\nhits 4 8772612\nl2-x 3 -5\n");
    tree.proc("spl/kstat/zfs/tank/state", "DEGRADED\n");
    tree.proc("spl/kstat/zfs/tank/io", "12 3 0x00\nnread nwritten reads\n18 32 2\n");
    tree.proc("spl/kstat/zfs/tank/objset-1", "name type data\ndataset_name 7 tank/a b\nwrites 4 9\n");
    for (file, text) in [
        ("label", "disk\n"),
        ("commit_stats", "commits 3\nlast_commit_ms 1000\n"),
        ("devices/sda/size", "20\n"),
        ("devices/sdb/size", "20\n"),
        ("devices/sdc/size", "20\n"),
        ("allocation/data/bytes_reserved", "5\n"),
        ("allocation/data/raid5/total_bytes", "100\n"),
        ("allocation/data/raid5/used_bytes", "40\n"),
    ] {
        tree.sys(&format!("fs/btrfs/u-1/{file}"), text);
    }
    tree.sys("fs/btrfs/features/x", "1");
    tree.sys("class/scsi_tape/st0/stats/read_ns", "33788355744\n");
    tree.sys("class/fc_host/host0/statistics/rx_frames", "0x3\n");
    tree.sys("class/fc_host/host0/statistics/tx_frames", "0xffffffffffffffff\n");
    tree.sys("class/fc_host/host0/port_id", "0x000002\n");
    let Collected { families: found, faults } = node(&tree).collect();
    assert!(faults.iter().all(|(_, fault)| fault.is_absent()), "{faults:?}");
    let expected: [(&str, &[&str]); 17] = [
        ("node_nfs_packets_total", &["protocol=tcp 69", "protocol=udp 70"]),
        ("node_nfs_rpc_retransmissions_total", &["3"]),
        (
            "node_nfsd_requests_total",
            &["proto=4,method=Access 11", "proto=4,method=Close 12", "proto=4,method=Commit 13"],
        ),
        ("node_nfsd_rpc_errors_total", &["error=auth 2", "error=cInt 0", "error=fmt 1"]),
        ("node_nfsd_server_threads", &["8"]),
        ("node_ipvs_incoming_bytes_total", &["255"]),
        ("node_zfs_arc_hits", &["8772612"]),
        ("node_zfs_arc_l2_x", &["-5"]),
        ("node_zfs_zpool_nwritten", &["zpool=tank 32"]),
        ("node_zfs_zpool_dataset_writes", &["zpool=tank,dataset=tank/a b 9"]),
        ("node_btrfs_info", &["uuid=u-1,label=disk 1"]),
        ("node_btrfs_allocation_ratio", &["uuid=u-1,block_group_type=data,mode=raid5 1.5"]),
        ("node_btrfs_last_commit_seconds", &["uuid=u-1 1"]),
        ("node_btrfs_reserved_bytes", &["uuid=u-1,block_group_type=data 5"]),
        ("node_tape_read_time_seconds_total", &["device=st0 33.788355744"]),
        ("node_fibrechannel_rx_frames_total", &["fc_host=host0 3"]),
        ("node_fibrechannel_tx_frames_total", &[]),
    ];
    for (name, lines) in expected {
        assert_eq!(told(&found, name), lines, "{name}");
    }
    let requests = told(&found, "node_nfs_requests_total");
    assert!(
        requests.contains(&"proto=3,method=Access 5".to_owned())
            && requests.contains(&"proto=4,method=Read 51".to_owned())
    );
    assert!(told(&found, "node_zfs_zpool_state").contains(&"zpool=tank,state=degraded 1".to_owned()));
    let backends = told(&found, "node_ipvs_backend_connections_active");
    assert!(
        backends.iter().any(|line| line.contains("local_mark=10001000,remote_address=192.168.50.26,remote_port=80")
            && line.ends_with(" 64")),
        "{backends:?}"
    );
    assert!(
        backends
            .iter()
            .any(|line| line.contains("local_address=192.168.0.22,local_port=3306") && line.ends_with(" 248"))
    );
}

#[test]
fn the_machine_of_the_test_is_told() {
    let node = Node::new(Roots::default(), Filters::default(), Arc::new(gantry_model::SystemClock));
    let Collected { families, faults } = node.collect();
    assert!(faults.iter().all(|(_, fault)| fault.is_absent()), "{faults:?}");
    for name in ["node_cpu_seconds_total", "node_memory_MemTotal_bytes", "node_uname_info", "node_boot_time_seconds"] {
        assert!(!told(&families, name).is_empty(), "{name}");
    }
    let mut seen = BTreeSet::new();
    for family in families.iter() {
        for sample in &family.samples {
            assert!(
                seen.insert(format!("{} {:?}", family.name, sample.labels)),
                "{} occurs twice: {sample:?}",
                family.name
            );
        }
    }
}

/// Files that are read line by line.
const FILES: [&str; 22] = [
    "stat",
    "net/rpc/nfs",
    "net/rpc/nfsd",
    "net/ip_vs",
    "net/ip_vs_stats",
    "schedstat",
    "meminfo",
    "vmstat",
    "loadavg",
    "diskstats",
    "1/mounts",
    "net/dev",
    "net/netstat",
    "net/snmp6",
    "net/sockstat",
    "net/udp",
    "net/arp",
    "net/softnet_stat",
    "net/stat/nf_conntrack",
    "mdstat",
    "pressure/cpu",
    "sys/fs/file-nr",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_in_proc_makes_a_collector_panic(text in "(cpu0|md0 :|Ip:|eth0:|some|total=|[0-9]{1,25}|[a-z]+|[ :/()\\[\\]\n-]){0,60}") {
        let tree = Tree::new();
        FILES.iter().for_each(|file| tree.proc(file, &text));
        let faults = node(&tree).collect().faults;
        prop_assert!(faults.iter().all(|(_, fault)| !matches!(fault, CollectError::Panicked)), "{faults:?}");
    }
}
