#![no_main]
//! Every decompressor: never more bytes out than allowed.

use gantry_ingest::{Encoding, decompress};
use libfuzzer_sys::fuzz_target;

const MAX: usize = 1 << 16;

fuzz_target!(|body: &[u8]| {
    let all = [Encoding::Identity, Encoding::Gzip, Encoding::Deflate, Encoding::Zstd, Encoding::Snappy];
    for encoding in all {
        if let Ok(plain) = decompress(encoding, body, MAX, |bytes| {
            assert!(bytes <= MAX);
            Ok(())
        }) {
            assert!(plain.len() <= MAX);
        }
    }
});
