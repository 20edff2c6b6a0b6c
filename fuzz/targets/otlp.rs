#![no_main]
//! OTLP logs in protobuf and in JSON.

use gantry_ingest::decode::{otlp_json, otlp_protobuf};
use gantry_model::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let now = Timestamp::from_secs(1_715_680_800);
    for decoded in [otlp_protobuf(body, now), otlp_json(body, now)] {
        if let Ok(incoming) = decoded {
            assert!(incoming.batch.rows().len() <= body.len());
        }
    }
});
