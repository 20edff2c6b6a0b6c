#![no_main]
//! Syslog: frames of a TCP stream that arrives in pieces, and the messages in them.

use gantry_ingest::syslog::{Frame, Framer, parse};
use gantry_model::Timestamp;
use libfuzzer_sys::fuzz_target;

const MAX: usize = 200;

fuzz_target!(|bytes: &[u8]| {
    let Some((piece, stream)) = bytes.split_first() else { return };
    let mut framer = Framer::new(MAX);
    for piece in stream.chunks(usize::from(*piece).max(1)) {
        framer.buffer().extend_from_slice(piece);
        while let Some(frame) = framer.next_frame() {
            check(frame);
        }
    }
    if let Some(frame) = framer.finish() {
        check(frame);
    }
});

fn check(frame: Frame) {
    if let Frame::Message(message) = frame {
        assert!(message.len() <= MAX);
        let text = String::from_utf8_lossy(&message);
        let message = parse(&text, Timestamp::from_secs(1_715_680_800), 60);
        assert!(message.facility < 24 && message.severity < 8);
        assert!(text.contains(message.text));
    }
}
