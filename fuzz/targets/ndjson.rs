#![no_main]
//! Newline-delimited JSON, with and without named fields.

use gantry_ingest::decode::{NdjsonFields, ndjson};
use gantry_model::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let now = Timestamp::from_secs(1_715_680_800);
    let named = NdjsonFields {
        time: Some("t".to_owned()),
        message: Some("m".to_owned()),
        labels: vec!["app".to_owned()],
        fixed: vec![("env".to_owned(), "x".to_owned())],
    };
    for fields in [NdjsonFields::default(), named] {
        // Only an array, or an object over several lines, is refused as a whole.
        let Ok(incoming) = ndjson(body, &fields, now) else { continue };
        assert!(incoming.batch.rows().len() <= body.split(|byte| matches!(byte, b'\n' | b'}')).count());
    }
});
