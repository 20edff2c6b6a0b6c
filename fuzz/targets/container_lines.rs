#![no_main]
//! Files of container engines: CRI and Docker's json-file, with parts that are joined.

use gantry_ingest::collect::{Format, count_records};
use libfuzzer_sys::fuzz_target;

const MAX: usize = 64;

fuzz_target!(|content: &[u8]| {
    let lines = content.split(|byte| *byte == b'\n').count();
    for format in [Format::Plain, Format::Cri, Format::Docker] {
        assert!(count_records(format, content, MAX) <= lines);
    }
});
