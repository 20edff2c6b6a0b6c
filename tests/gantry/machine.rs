//! Metrics of this machine beside those of Debian's `prometheus-node-exporter`: name by name, label by label, value by value.
//!
//! One server collects and scrapes the exporter, each for a tenant of its own. What counts must lie between what the
//! exporter said before and after; what stands still must be equal; the rest must be near.

use crate::harness::{Launch, Server, eventually};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PROGRAM: &str = "prometheus-node-exporter";
/// Other tests mount filesystems there meanwhile.
const MOUNT_POINTS: &str = "^/(dev|proc|run|sys|tmp|mnt|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)";
const FILESYSTEMS: &str = "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|\
    mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$";
const DISKS: &str = r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$";
/// How often both are asked; half of it is what a busy machine may need between asking and answering.
const INTERVAL: Duration = Duration::from_secs(2);

/// What the exporter has and Gantry has not, with the reason.
const MISSING: &[(&str, &str)] = &[
    ("node_exporter_build_info", "it is no node_exporter; gantry_build_info tells what it is"),
    (
        "node_timex_",
        "the system call adjtimex has no safe wrapper among the dependencies, and unsafe code is forbidden",
    ),
    ("node_systemd_", "units are asked for over D-Bus, which is not spoken; their cgroups are in job containers"),
    ("node_bcache_", "a cache of disks that is hardly used any more"),
];

/// The same for collectors, which are labels.
const MISSING_COLLECTORS: [&str; 3] = ["bcache", "systemd", "timex"];

/// What newer versions of node_exporter have and Debian's has not.
const NEWER: [&str; 7] = [
    "node_netstat_TcpExt_TCPOFOQueue",
    "node_netstat_TcpExt_TCPRcvQDrop",
    "node_pressure_irq_stalled_seconds_total",
    "node_softnet_backlog_len",
    "node_softnet_cpu_collision_total",
    "node_softnet_flow_limit_count_total",
    "node_softnet_received_rps_total",
];

/// What moves by itself: how far from what the exporter said in the same seconds it may be, absolutely and by its size.
const MOVING: &[(&str, f64, f64)] = &[
    ("node_load", 2.0, 0.2),
    ("node_memory_", 1e9, 0.2),
    ("node_procs_", 100.0, 1.0),
    ("node_sockstat_", 2000.0, 1.0),
    ("node_filefd_allocated", 5000.0, 0.5),
    ("node_entropy_available_bits", 256.0, 0.0),
    ("node_filesystem_avail_bytes", 5e9, 0.0),
    ("node_filesystem_free_bytes", 5e9, 0.0),
    ("node_filesystem_files_free", 1e5, 0.0),
    ("node_udp_queues", 1e6, 0.0),
    ("node_disk_io_now", 500.0, 0.0),
    ("node_nf_conntrack_", 1e4, 0.0),
    ("node_netstat_Tcp_CurrEstab", 500.0, 0.0),
    ("node_arp_entries", 100.0, 0.0),
    ("node_time_seconds", 60.0, 0.0),
    ("node_cpu_frequency_hertz", 1e10, 0.0),
    ("node_cpu_scaling_frequency_hertz", 1e10, 0.0),
    ("node_thermal_zone_temp", 20.0, 0.0),
    ("node_cooling_device_cur_state", 100.0, 0.0),
    ("node_hwmon_", 1e4, 0.5),
    ("node_power_supply_", 100.0, 0.5),
    ("node_scrape_collector_duration_seconds", 60.0, 0.0),
];

/// The exporter, killed when it is dropped.
struct Exporter {
    child: Child,
    address: String,
}

impl Exporter {
    fn start(textfiles: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(PROGRAM);
        command.arg(format!("--web.listen-address={address}"));
        command.arg(format!("--collector.textfile.directory={}", textfiles.display()));
        command.arg("--collector.netdev.device-exclude=^$");
        command.arg(format!("--collector.filesystem.mount-points-exclude={MOUNT_POINTS}"));
        command.arg(format!("--collector.filesystem.fs-types-exclude={FILESYSTEMS}"));
        command.arg(format!("--collector.diskstats.device-exclude={DISKS}"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("prometheus-node-exporter runs; ./test.sh setup installs it");
        Exporter { child, address }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

type Key = BTreeMap<String, String>;
/// Seconds and values, in order of time.
type Samples = Vec<(f64, f64)>;

async fn ask(server: &Server, tenant: &str, path: &str, parameters: &[(&str, &str)]) -> Value {
    let request = server.loki.get_request(path).header("X-Scope-OrgID", tenant).query(parameters);
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str::<Value>(&text).unwrap()["data"].take()
}

/// All series of a selector, without `job` and `instance`.
async fn series(server: &Server, tenant: &str, query: &str) -> BTreeMap<Key, Samples> {
    let data = ask(server, tenant, "/api/v1/query", &[("query", query)]).await;
    let mut all = BTreeMap::new();
    for found in data["result"].as_array().unwrap() {
        let mut key: Key = serde_json::from_value(found["metric"].clone()).unwrap();
        key.retain(|label, _| label != "job" && label != "instance");
        let number = |value: &Value| value.as_str().unwrap().parse::<f64>().unwrap();
        let samples = found["values"].as_array().unwrap();
        let samples: Samples = samples.iter().map(|pair| (pair[0].as_f64().unwrap(), number(&pair[1]))).collect();
        assert!(all.insert(key, samples).is_none(), "a series occurs twice");
    }
    all
}

/// Types and helps by family.
async fn metadata(server: &Server, tenant: &str) -> BTreeMap<String, (String, String)> {
    let data = ask(server, tenant, "/api/v1/metadata", &[]).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let families = data.as_object().unwrap().iter();
    families.map(|(name, all)| (name.clone(), (text(&all[0]["type"]), text(&all[0]["help"])))).collect()
}

async fn count(server: &Server, tenant: &str, query: &str) -> f64 {
    let data = ask(server, tenant, "/api/v1/query", &[("query", query)]).await;
    data["result"][0]["value"][1].as_str().map_or(0.0, |value| value.parse().unwrap())
}

async fn both(launch: Launch, exporter: &Exporter, textfiles: &Path) -> Server {
    let config = format!(
        "scrape_configs: [{{job_name: node, scrape_interval: 2s, scrape_timeout: 2s, static_configs: [{{targets: ['{}']}}]}}]",
        exporter.address
    );
    let file = launch.scratch().join("prometheus.yml");
    std::fs::write(&file, config).unwrap();
    launch
        .collecting()
        .set("collect.containers", false)
        .set("collect.metrics.interval", "2s")
        .set("collect.metrics.mount_points_exclude", MOUNT_POINTS)
        .set("collect.metrics.textfiles", textfiles.display())
        .set("scrape.file", file.display())
        .set("scrape.tenant", "exporter")
        .start()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_machine_is_told_as_node_exporter_tells_it() {
    let launch = Launch::new();
    let textfiles = launch.scratch().join("textfiles");
    std::fs::create_dir(&textfiles).unwrap();
    std::fs::write(textfiles.join("backup.prom"), "# TYPE node_backup_age_seconds gauge\nnode_backup_age_seconds 5\n")
        .unwrap();
    let exporter = Exporter::start(&textfiles);
    let server = both(launch.clone(), &exporter, &textfiles).await;
    eventually("both were asked five times", Duration::from_secs(60), async || {
        let ours = count(&server, "default", r#"sum_over_time(up{job="node"}[5m])"#).await;
        let theirs = count(&server, "exporter", r#"sum_over_time(up{job="node"}[5m])"#).await;
        (ours >= 5.0 && theirs >= 5.0).then_some(())
    })
    .await;
    let query = r#"{__name__=~"node_.+",job="node"}[5m]"#;
    let (ours, theirs) = (series(&server, "default", query).await, series(&server, "exporter", query).await);
    let (our_words, their_words) = (metadata(&server, "default").await, metadata(&server, "exporter").await);
    let mut wrong = names(&ours, &theirs);
    for (name, (kind, _)) in their_words.iter().filter(|(name, _)| name.starts_with("node_")) {
        match our_words.get(name) {
            Some((own, help)) if own != kind => wrong.push(format!("{name} is {own} ({help}), not {kind}")),
            Some((_, help)) if help.is_empty() && name != "node_backup_age_seconds" => {
                wrong.push(format!("{name} has no help"))
            }
            _ => {}
        }
    }
    for (key, theirs) in &theirs {
        let Some(ours) = ours.get(key) else { continue };
        let name = &key["__name__"];
        let counts = their_words.get(name).is_some_and(|(kind, _)| kind == "counter")
            || name.starts_with("node_vmstat_")
            || (name.starts_with("node_netstat_")
                && name != "node_netstat_Tcp_CurrEstab"
                && name != "node_netstat_Ip_Forwarding");
        let fault = if counts { counter(ours, theirs) } else { gauge(name, ours, theirs) };
        wrong.extend(fault.map(|fault| format!("{key:?}: {fault}")));
    }
    assert!(wrong.is_empty(), "{} of {} series:\n{}", wrong.len(), theirs.len(), wrong.join("\n"));
    assert!(ours.keys().any(|key| key["__name__"] == "node_backup_age_seconds"), "files of metrics are read");
    assert!(theirs.len() > 300, "the exporter was asked: {} series", theirs.len());
    server.stop().await;
}

/// Series that only one of both has, and are not known to be so.
fn names(ours: &BTreeMap<Key, Samples>, theirs: &BTreeMap<Key, Samples>) -> Vec<String> {
    let collector = |key: &Key| key.get("collector").cloned().unwrap_or_default();
    let lacking = theirs.keys().filter(|key| {
        let name = &key["__name__"];
        let known = MISSING.iter().any(|(prefix, _)| name.starts_with(prefix))
            || MISSING_COLLECTORS.contains(&collector(key).as_str());
        assert!(!(known && ours.contains_key(*key)), "{key:?} is said to be missing, but is there");
        !known && !ours.contains_key(*key)
    });
    let mut wrong: Vec<String> = lacking.map(|key| format!("missing: {key:?}")).collect();
    let more = ours.keys().filter(|key| !theirs.contains_key(*key) && !NEWER.contains(&key["__name__"].as_str()));
    wrong.extend(more.map(|key| format!("not in node_exporter: {key:?}")));
    wrong
}

/// Each of our values must lie between theirs of before and after.
fn counter(ours: &Samples, theirs: &Samples) -> Option<String> {
    let slack = INTERVAL.as_secs_f64() / 2.0;
    for (at, value) in ours {
        let before = theirs.iter().rev().find(|(other, _)| *other <= at - slack).map_or(f64::MIN, |(_, value)| *value);
        let after = theirs.iter().find(|(other, _)| *other >= at + slack).map_or(f64::MAX, |(_, value)| *value);
        let epsilon = 1e-9 * value.abs();
        if *value < before - epsilon || *value > after + epsilon {
            return Some(format!("{value} at {at} is not between {before} and {after}"));
        }
    }
    None
}

/// Each of our values must be one of theirs, or near those of them that move by themselves.
fn gauge(name: &str, ours: &Samples, theirs: &Samples) -> Option<String> {
    let known: BTreeSet<u64> = theirs.iter().map(|(_, value)| value.to_bits()).collect();
    let (absolute, relative) =
        MOVING.iter().find(|(prefix, ..)| name.starts_with(prefix)).map_or((0.0, 1e-9), |(_, a, r)| (*a, *r));
    let off = |value: &f64| {
        let near =
            |(_, other): &(f64, f64)| (value - other).abs() <= absolute + relative * other.abs().max(value.abs());
        !known.contains(&value.to_bits()) && !theirs.iter().any(near)
    };
    let (at, value) = ours.iter().find(|(_, value)| off(value))?;
    Some(format!("{value} at {at} is none of {:?}", theirs.iter().map(|(_, value)| value).collect::<Vec<_>>()))
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_and_gantry_itself_are_told_and_all_can_be_switched_off() {
    let launch = Launch::new().collecting().set("collect.containers", false).set("collect.metrics.interval", "1s");
    let server =
        launch.clone().set("collect.metrics.node", false).set("collect.metrics.instance", "here").start().await;
    let up = |job: &'static str| format!("up{{job=\"{job}\",instance=\"here\"}}");
    for job in ["containers", "gantry"] {
        eventually("each job is up", Duration::from_secs(30), async || {
            (count(&server, "default", &up(job)).await == 1.0).then_some(())
        })
        .await;
    }
    let groups = count(&server, "default", r#"container_processes{job="containers",id="/"}"#).await;
    assert!(groups >= 1.0, "at least this test runs on the machine: {groups}");
    let resident = count(&server, "default", r#"process_resident_memory_bytes{job="gantry"}"#).await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let now = line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0;
    assert!((resident - now).abs() < now / 2.0, "{resident} bytes were told, {now} are in use now");
    assert_eq!(count(&server, "default", "count({job=\"node\"})").await, 0.0, "switched off");
    server.stop().await;
}
