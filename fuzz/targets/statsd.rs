#![no_main]
//! Lines of StatsD.

use gantry_ingest::statsd::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    if let Ok(message) = parse(line) {
        assert!(!message.name.is_empty() && message.rate > 0.0 && message.rate <= 1.0);
        assert!(message.values().count() <= line.len());
    }
});
