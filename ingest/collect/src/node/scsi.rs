//! `tapestats` and `fibrechannel`: tapes and adapters of Fibre Channel.
//!
//! Sources: `Documentation/scsi/st.rst`, `Documentation/ABI/testing/sysfs-class-scsi_tape`;
//! `Documentation/scsi/scsi_fc_transport.rst`.

use super::{Context, Result};
use crate::families::Families;
use crate::roots::{attribute, attribute_number, entries, numbered};

/// File, metric, factor and whether it counts.
const TAPE: [(&str, &str, f64, bool); 10] = [
    ("in_flight", "io_now", 1.0, false),
    ("other_cnt", "io_others_total", 1.0, true),
    ("io_ns", "io_time_seconds_total", 1e-9, true),
    ("read_byte_cnt", "read_bytes_total", 1.0, true),
    ("read_ns", "read_time_seconds_total", 1e-9, true),
    ("read_cnt", "reads_completed_total", 1.0, true),
    ("resid_cnt", "residual_total", 1.0, true),
    ("write_ns", "write_time_seconds_total", 1e-9, true),
    ("write_cnt", "writes_completed_total", 1.0, true),
    ("write_byte_cnt", "written_bytes_total", 1.0, true),
];

pub(super) fn tapes(context: &Context, found: &mut Families) -> Result {
    let class = context.roots.sys("class/scsi_tape");
    entries(&class)?;
    for (number, path) in numbered(&class, "st")? {
        let device = format!("st{number}");
        for (file, name, factor, counts) in TAPE {
            let Some(value) = attribute_number(&path.join("stats").join(file)) else { continue };
            let (name, help) = (format!("node_tape_{name}"), format!("Tape: {file} of its statistics."));
            let family = if counts { found.counter(name, help) } else { found.gauge(name, help) };
            family.add(&[("device", &device)], value * factor);
        }
    }
    Ok(())
}

const CHANNEL: [(&str, &str); 14] = [
    ("dumped_frames", "dumped_frames_total"),
    ("error_frames", "error_frames_total"),
    ("fcp_packet_aborts", "fcp_packet_aborts_total"),
    ("invalid_crc_count", "invalid_crc_total"),
    ("invalid_tx_word_count", "invalid_tx_words_total"),
    ("link_failure_count", "link_failure_total"),
    ("loss_of_signal_count", "loss_of_signal_total"),
    ("loss_of_sync_count", "loss_of_sync_total"),
    ("nos_count", "nos_total"),
    ("rx_frames", "rx_frames_total"),
    ("rx_words", "rx_words_total"),
    ("seconds_since_last_reset", "seconds_since_last_reset_total"),
    ("tx_frames", "tx_frames_total"),
    ("tx_words", "tx_words_total"),
];

const CHANNEL_TEXTS: [&str; 10] = [
    "speed",
    "port_state",
    "port_type",
    "port_id",
    "port_name",
    "fabric_name",
    "symbolic_name",
    "supported_classes",
    "supported_speeds",
    "dev_loss_tmo",
];

pub(super) fn channels(context: &Context, found: &mut Families) -> Result {
    let class = context.roots.sys("class/fc_host");
    for host in entries(&class)? {
        let path = class.join(&host);
        let texts = CHANNEL_TEXTS.map(|file| {
            let text = attribute(&path.join(file)).unwrap_or_default();
            (file, text.strip_prefix("0x").map_or(text.clone(), str::to_owned))
        });
        let mut labels = vec![("fc_host", host.as_str())];
        labels.extend(texts.iter().map(|(name, text)| (*name, text.as_str())));
        found.gauge("node_fibrechannel_info", "1, with what the adapter is as labels.").add(&labels, 1.0);
        for (file, name) in CHANNEL {
            let Some(value) = attribute_number(&path.join("statistics").join(file)) else { continue };
            // All bits set: the adapter does not count that.
            if value < u64::MAX as f64 {
                let help = format!("Fibre Channel: {file}.");
                found.counter(format!("node_fibrechannel_{name}"), help).add(&[("fc_host", &host)], value);
            }
        }
    }
    Ok(())
}
