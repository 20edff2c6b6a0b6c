#![no_main]
//! InfluxDB's line protocol.

use gantry_ingest::decode::{InfluxContext, Precision, influx};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let context = InfluxContext { precision: Precision::Hours, ..InfluxContext::default() };
    assert!(influx(body, &context).batch.sample_count() <= body.len());
});
