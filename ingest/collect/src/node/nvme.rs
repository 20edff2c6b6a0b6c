//! `nvme`: NVMe controllers (`Documentation/ABI/testing/sysfs-nvme`).

use super::{Context, Result};
use crate::families::Families;
use crate::roots::{attribute, entries};

pub(super) fn collect(context: &Context, found: &mut Families) -> Result {
    let class = context.roots.sys("class/nvme");
    for device in entries(&class)? {
        let read = |file: &str| attribute(&class.join(&device).join(file)).unwrap_or_default();
        let (firmware, model, serial, state) = (read("firmware_rev"), read("model"), read("serial"), read("state"));
        let labels = [
            ("device", device.as_str()),
            ("firmware_revision", &firmware),
            ("model", &model),
            ("serial", &serial),
            ("state", &state),
        ];
        found.gauge("node_nvme_info", "1, with what the controller is as labels.").add(&labels, 1.0);
    }
    Ok(())
}
