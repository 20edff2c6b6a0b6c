//! Blocks end to end: any lines in, the same out, through bytes and through other blocks; a search finds what memmem finds.

use crate::{Block, BlockBuilder, BlockMover, RowSet};
use memchr::memmem;
use proptest::prelude::*;

fn block(lines: &[Vec<u8>]) -> Block {
    let mut builder = BlockBuilder::new();
    lines.iter().for_each(|line| builder.push(line));
    let (bytes, built) = builder.finish(1).unwrap();
    assert_eq!(lines_of(&built), lines);
    Block::open(bytes).unwrap()
}

fn lines_of(block: &Block) -> Vec<Vec<u8>> {
    let text = block.decode(0..block.len()).unwrap();
    (0..block.len()).for_each(|row| {
        let start = row.checked_sub(1).map_or(0, |before| text.ends[before]);
        assert_eq!(block.row_len(row).unwrap(), text.ends[row] - start);
    });
    let starts = std::iter::once(0).chain(text.ends.iter().copied());
    starts.zip(&text.ends).map(|(start, end)| text.bytes[start..*end].to_vec()).collect()
}

fn token() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[a-d]{1,3}".prop_map(String::into_bytes),
        "[0-9]{1,4}".prop_map(String::into_bytes),
        "[0-9a-f]{8}".prop_map(String::into_bytes),
        "[a-c]{0,3}[0-9]{1,2}[a-c]{0,3}".prop_map(String::into_bytes),
        "[=:, -]".prop_map(String::into_bytes),
        Just(b" ".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..3),
    ]
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(token(), 0..7).prop_map(|tokens| tokens.concat())
}

/// A few shapes many times, so that templates are kept, generalised and given up.
fn lines() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let shaped = (0..4u8, 0..300u32, "[a-c]{1,2}").prop_map(|(shape, number, word)| {
        let text = match shape {
            0 => format!("took {number}ms"),
            1 => format!("user {word} did {word} at {number}"),
            2 => format!("id={number:08x} {word}"),
            _ => format!("x {word} y {number:02}"),
        };
        text.into_bytes()
    });
    proptest::collection::vec(prop_oneof![3 => shaped, 1 => line()], 1..120)
}

proptest! {
    #[test]
    fn any_lines_come_back(lines in lines()) {
        prop_assert_eq!(lines_of(&block(&lines)), lines);
    }

    #[test]
    fn rows_move_between_blocks(first in lines(), second in lines(), cut in 0.0..1.0f64) {
        let (left, right) = (block(&first), block(&second));
        let at = (first.len() as f64 * cut) as usize;
        let mut builder = BlockMover::new();
        let (mut of_left, mut of_right) = Default::default();
        builder.append_rows(&left, 0..at, &mut of_left).unwrap();
        builder.append_rows(&right, 0..second.len(), &mut of_right).unwrap();
        builder.append_rows(&left, at..first.len(), &mut of_left).unwrap();
        let merged = Block::open(builder.finish(1).unwrap().0).unwrap();
        prop_assert_eq!(lines_of(&merged), [&first[..at], &second, &first[at..]].concat());
    }

    #[test]
    fn a_search_finds_what_is_there(lines in lines(), needle in line(), from in any::<prop::sample::Index>(), len in 1usize..12) {
        let block = block(&lines);
        let line = &lines[from.index(lines.len())];
        let start = from.index(line.len() + 1);
        let part = line[start..(start + len).min(line.len())].to_vec();
        for literal in [needle, part] {
            let want: Vec<usize> =
                (0..lines.len()).filter(|at| memmem::find(&lines[*at], &literal).is_some()).collect();
            let found = block.find(&literal, &RowSet::all(lines.len())).unwrap();
            prop_assert_eq!(found.iter().collect::<Vec<_>>(), want, "{:?}", String::from_utf8_lossy(&literal));
        }
    }

    #[test]
    fn bytes_that_are_no_block_are_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Block::open(bytes.clone()).is_err());
        bytes.splice(0..0, [4, 0, 0, 0, 4, 0, 0, 0]);
        prop_assert!(Block::open(bytes).is_err());
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let lines: Vec<Vec<u8>> = (0..40).map(|n| format!("took {n}ms").into_bytes()).collect();
    let mut builder = BlockBuilder::new();
    lines.iter().for_each(|line| builder.push(line));
    let (bytes, _) = builder.finish(1).unwrap();
    for at in 8..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 4;
        let read = Block::open(damaged).and_then(|block| block.decode(0..block.len()));
        assert!(read.is_err(), "byte {at}");
    }
}

/// Prints what the coding does to a corpus: `GANTRY_CORPUS` names a directory written by `gantry-bench generate`.
#[test]
#[ignore = "a measurement, not a check"]
fn measure() {
    let dir = std::env::var("GANTRY_CORPUS").unwrap();
    let raw = std::fs::read(format!("{dir}/raw.log")).unwrap();
    let index = std::fs::read(format!("{dir}/lines.bin")).unwrap();
    let mut at = 0;
    let mut lines: Vec<(u32, &[u8])> = index
        .chunks_exact(16)
        .map(|entry| {
            let word = |at: usize| u32::from_le_bytes(entry[at..at + 4].try_into().unwrap());
            let line = &raw[at..at + word(8) as usize];
            at += line.len() + 1;
            (word(12), line)
        })
        .collect();
    lines.sort_by_key(|line| line.0);
    let started = cpu();
    let (mut blocks, mut templates, mut whole) = (Vec::new(), 0, 0);
    let mut builder = BlockBuilder::new();
    let mut finished = std::time::Duration::ZERO;
    let mut finish = |builder: &mut BlockBuilder| {
        let now = cpu();
        let (bytes, block) = std::mem::take(builder).finish(level()).unwrap();
        templates += block.templates().len();
        whole += (0..block.templates().len() as u32)
            .filter(|t| block.templates()[*t as usize].is_raw())
            .map(|t| block.rows_of(t))
            .sum::<u32>();
        blocks.push(bytes);
        finished += now.since();
    };
    for (_, line) in &lines {
        builder.push(line);
        if builder.is_full() {
            finish(&mut builder);
        }
    }
    finish(&mut builder);
    let push = started.since() - finished;
    let bytes: usize = blocks.iter().map(Vec::len).sum();
    println!(
        "{bytes} bytes, {:.2} %, {} blocks, {templates} templates, {whole} lines whole; push {push:?}, finish {finished:?}",
        bytes as f64 * 100.0 / raw.len() as f64,
        blocks.len()
    );
    let started = cpu();
    let opened: Vec<Block> = blocks.iter().map(|bytes| Block::open(bytes.clone()).unwrap()).collect();
    println!("open {:?}", started.since());
    for literal in ["quillwort", "error", "status=500", "4f9b1314af3cf7eac9468b423eb8875d", "status=", "zzzz"] {
        let opened: Vec<Block> = blocks.iter().map(|bytes| Block::open(bytes.clone()).unwrap()).collect();
        let before: usize = opened.iter().map(Block::memory).sum();
        let started = cpu();
        let found: usize =
            opened.iter().map(|b| b.find(literal.as_bytes(), &RowSet::all(b.len())).unwrap().len()).sum();
        let read = opened.iter().map(Block::memory).sum::<usize>() - before;
        println!("{literal}: {found} rows in {:?}, {read} bytes were read of {before} that are open", started.since());
    }
    let started = cpu();
    let mut merged = BlockMover::new();
    let mut size = 0;
    for block in &opened {
        let mut map = Default::default();
        for from in (0..block.len()).step_by(100) {
            merged.append_rows(block, from..(from + 100).min(block.len()), &mut map).unwrap();
        }
        size += std::mem::take(&mut merged).finish(3).unwrap().0.len();
    }
    println!("moved and written at level 3 in {:?}: {size}", started.since());
    let started = cpu();
    let text: usize = opened.iter().map(|b| b.decode(0..b.len()).unwrap().bytes.len()).sum();
    println!("{text} bytes decoded in {:?}", started.since());
}

/// Time on a processor of this thread, so that a busy machine does not count.
#[derive(Clone, Copy)]
struct Cpu(u64);

fn cpu() -> Cpu {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Cpu(text.split(' ').next().unwrap().parse().unwrap())
}

impl Cpu {
    fn since(self) -> std::time::Duration {
        std::time::Duration::from_nanos(cpu().0 - self.0)
    }
}

fn level() -> i32 {
    std::env::var("LEVEL").map_or(1, |level| level.parse().unwrap())
}
