#![no_main]
//! Blocks of coded bodies: bytes that are no block are refused, any lines come back, and a search finds what memmem finds.
//! The first line of the input is what is looked for, the others are the lines.

use gantry_body::{Block, BlockBuilder, RowSet};
use libfuzzer_sys::fuzz_target;
use memchr::memmem;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(block) = Block::open(bytes.to_vec()) {
        // Bytes that look like a block may still hold damaged frames; reading them may fail, and not panic.
        let _ = block.decode(0..block.len());
        let _ = block.find(b"a", &RowSet::all(block.len()));
    }
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let literal = lines.next().unwrap_or_default();
    let lines: Vec<&[u8]> = lines.collect();

    let mut builder = BlockBuilder::new();
    lines.iter().for_each(|line| builder.push(line));
    let (coded, built) = builder.finish(1).expect("the compressor takes anything");
    let opened = Block::open(coded).expect("what was written can be opened");
    for block in [&built, &opened] {
        check(block, &lines, literal);
    }
});

fn check(block: &Block, lines: &[&[u8]], literal: &[u8]) {
    let text = block.decode(0..block.len()).expect("what was written can be read");
    assert_eq!(text.ends.len(), lines.len());
    let mut start = 0;
    for (line, end) in lines.iter().zip(&text.ends) {
        assert_eq!(&text.bytes[start..*end], *line);
        start = *end;
    }
    let found = block.find(literal, &RowSet::all(block.len())).expect("what was written can be searched");
    let want = (0..lines.len()).filter(|row| memmem::find(lines[*row], literal).is_some());
    assert!(found.iter().eq(want), "{literal:?}");
}
