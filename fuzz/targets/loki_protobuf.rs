#![no_main]
//! Loki's push message in protobuf, without its compression.

use gantry_ingest::LabelCache;
use gantry_ingest::decode::loki_protobuf;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let misses = prometheus::IntCounter::new("misses", "misses").expect("a legal name");
    if let Ok(incoming) = loki_protobuf(body, &LabelCache::new(8, misses)) {
        // A line costs at least one byte: no body may turn into more lines than it has bytes.
        assert!(incoming.batch.rows().len() <= body.len());
    }
});
