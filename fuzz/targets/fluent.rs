#![no_main]
//! Fluent Forward: messages, and where they end in a stream that arrives in pieces.

use gantry_ingest::IngestOptions;
use gantry_ingest::fluent::{Scanner, decode};
use gantry_model::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (options, now) = (IngestOptions::default(), Timestamp::from_secs(1_715_680_800));
    let _ = decode(bytes, &options, now);
    // However the bytes arrive, the end of the first value is the same.
    let at_once = Scanner::new(1000).end(bytes);
    let mut scanner = Scanner::new(1000);
    for known in 0..=bytes.len() {
        match scanner.end(&bytes[..known]) {
            Ok(None) => {}
            Ok(Some(end)) => return assert_eq!(Ok(Some(end)), at_once),
            Err(_) => return assert!(at_once.is_err()),
        }
    }
    assert_eq!(at_once, Ok(None));
});
