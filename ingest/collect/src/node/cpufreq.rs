//! `cpufreq`: how fast processors run (`Documentation/admin-guide/pm/cpufreq.rst`).

use super::{Context, Result};
use crate::families::Families;
use crate::roots::{attribute, attribute_number, numbered};

/// File, metric and help; kHz in the files.
const FREQUENCIES: [(&str, &str, &str); 6] = [
    ("cpuinfo_cur_freq", "node_cpu_frequency_hertz", "How fast a processor runs, as the hardware says."),
    ("cpuinfo_min_freq", "node_cpu_frequency_min_hertz", "How slowly a processor can run."),
    ("cpuinfo_max_freq", "node_cpu_frequency_max_hertz", "How fast a processor can run."),
    ("scaling_cur_freq", "node_cpu_scaling_frequency_hertz", "How fast a processor runs, as the kernel says."),
    ("scaling_min_freq", "node_cpu_scaling_frequency_min_hertz", "How slowly the kernel lets a processor run."),
    ("scaling_max_freq", "node_cpu_scaling_frequency_max_hertz", "How fast the kernel lets a processor run."),
];

pub(super) fn collect(context: &Context, found: &mut Families) -> Result {
    for (cpu, path) in numbered(&context.roots.sys("devices/system/cpu"), "cpu")? {
        let path = path.join("cpufreq");
        for (file, name, help) in FREQUENCIES {
            if let Some(khz) = attribute_number(&path.join(file)) {
                found.gauge(name, help).add(&[("cpu", &cpu)], khz * 1000.0);
            }
        }
        let Some(current) = attribute(&path.join("scaling_governor")) else { continue };
        let all = attribute(&path.join("scaling_available_governors")).unwrap_or_default();
        for governor in all.split_whitespace() {
            found
                .gauge("node_cpu_scaling_governor", "1 for the governor in force, 0 for others that there are.")
                .add(&[("cpu", &cpu), ("governor", governor)], f64::from(u8::from(governor == current)));
        }
    }
    Ok(())
}
