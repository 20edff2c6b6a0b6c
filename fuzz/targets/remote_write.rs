#![no_main]
//! Prometheus remote write 1.0 and 2.0, without their compression.

use gantry_ingest::decode::{remote_write_v1, remote_write_v2};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    for decoded in [remote_write_v1(body), remote_write_v2(body)] {
        if let Ok(incoming) = decoded {
            // A sample costs at least one byte: no body may turn into more samples than it has bytes.
            assert!(incoming.batch.sample_count() <= body.len());
        }
    }
});
