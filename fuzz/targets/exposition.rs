#![no_main]
//! What exporters expose: text, OpenMetrics, delimited protobuf. The first byte chooses.

use gantry_ingest::decode::{ExpositionContext, ExpositionFormat, TextFormat, exposition};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((first, body)) = input.split_first() else { return };
    let format = match first % 3 {
        0 => ExpositionFormat::Text(TextFormat::Prometheus),
        1 => ExpositionFormat::Text(TextFormat::OpenMetrics),
        _ => ExpositionFormat::Protobuf,
    };
    let labels = vec![("job".to_owned(), "fuzz".to_owned())];
    if let Ok(incoming) = exposition(body, format, &ExpositionContext { now_ms: 1, labels, both_histograms: first & 0x80 != 0 }) {
        // A metric of protobuf has up to four samples of a byte or two.
        assert!(incoming.batch.sample_count() <= 4 * body.len());
    }
});
