#![no_main]
//! Loki's push message in JSON.

use gantry_ingest::decode::loki_json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    if let Ok(incoming) = loki_json(body) {
        assert!(incoming.batch.rows().len() <= body.len());
    }
});
