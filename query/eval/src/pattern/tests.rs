use super::*;
use crate::parse::pattern::Pattern;
use proptest::prelude::*;

const SECOND: i64 = 1_000_000_000;

fn mined(lines: &[&str]) -> Vec<(String, String, u64)> {
    let mut miner = Miner::new(10 * SECOND, MinerLimits::default());
    lines.iter().for_each(|line| miner.add(None, 0, line, 1));
    miner.finish().patterns.into_iter().map(|p| (p.pattern.clone(), p.level.clone(), p.lines())).collect()
}

fn one(pattern: &str, level: &str, lines: u64) -> (String, String, u64) {
    (pattern.into(), level.into(), lines)
}

#[test]
fn numbers_times_and_addresses_are_holes() {
    let lines = [
        "2024-05-14 10:00:00,123 INFO GET /v1/cart/17 took 3ms from 10.0.0.1:8080",
        "2024-05-14 10:00:07,999 INFO GET /v1/cart/4 took 12ms from 10.0.0.2:9",
    ];
    assert_eq!(mined(&lines), [one("<_> <_> INFO GET /<_>/cart/<_> took <_> from <_>", "info", 2)]);
    let filter = Pattern::filter(&mined(&lines)[0].0).unwrap();
    assert!(lines.iter().all(|line| filter.matches(line)));
}

#[test]
fn words_that_differ_become_holes_when_the_rest_agrees() {
    let lines = [
        "the user alice has logged in from the office",
        "the user bob has logged in from the office",
        "the user carol has logged out from the office",
        "connection refused by peer",
    ];
    let logged = one("the user <_> has logged <_> from the office", "unknown", 3);
    assert_eq!(mined(&lines), [logged, one("connection refused by peer", "unknown", 1)]);
}

#[test]
fn a_first_word_that_differs_is_found_in_the_end() {
    let lines = ["alice has logged in from the office", "bob has logged in from the office"];
    assert_eq!(mined(&lines), [one("<_> has logged in from the office", "unknown", 2)]);
}

#[test]
fn levels_have_patterns_of_their_own() {
    let lines = ["level=info msg=\"job 1 done\"", "level=error msg=\"job 2 done\"", "level=info msg=\"job 3 done\""];
    let info = one("level=info msg=\"job <_> done\"", "info", 2);
    assert_eq!(mined(&lines), [info, one("level=error msg=\"job <_> done\"", "error", 1)]);
    let mut miner = Miner::new(SECOND, MinerLimits::default());
    miner.add(Some("warn"), 0, "level=info x", 1);
    assert_eq!(miner.finish().patterns[0].level, "warn");
}

#[test]
fn lines_are_counted_per_step() {
    let mut miner = Miner::new(10 * SECOND, MinerLimits::default());
    for (at, count) in [(3, 1), (12, 5), (9, 1), (25, 1)] {
        miner.add(None, at * SECOND, "tick 1", count);
    }
    let mined = miner.finish();
    assert_eq!(mined.patterns[0].samples, [(0, 2), (10 * SECOND, 5), (20 * SECOND, 1)]);
    assert_eq!((mined.patterns[0].lines(), mined.rare_lines), (8, 0));
}

#[test]
fn what_would_read_as_a_capture_is_a_hole() {
    assert_eq!(mined(&["got <html> tag"]), [one("got <_> tag", "unknown", 1)]);
}

#[test]
fn two_miners_give_what_one_would_have() {
    let lines = ["a worker 1 started", "a worker 2 started", "b stopped: signal 9", "a worker x started"];
    let mut both = [Miner::new(SECOND, MinerLimits::default()), Miner::new(SECOND, MinerLimits::default())];
    let mut alone = Miner::new(SECOND, MinerLimits::default());
    for (at, line) in lines.iter().enumerate() {
        both[at % 2].add(None, at as i64 * SECOND, line, 1);
        alone.add(None, at as i64 * SECOND, line, 1);
    }
    let [mut first, second] = both;
    first.merge(second);
    assert_eq!(first.finish(), alone.finish());
}

#[test]
fn memory_is_bounded_and_what_is_given_up_is_counted() {
    let limits = MinerLimits { clusters: 8, samples: 20, shapes: 16 };
    let mut miner = Miner::new(25, limits);
    let mut lines = 0;
    for round in 0..300i64 {
        // No two words of two of these are alike.
        let word = (b'a' + (round % 26) as u8) as char;
        let line: String = (0..1 + round % 37).map(|at| format!("{}{word} ", "q".repeat(at as usize))).collect();
        miner.add(None, round, &line, 1);
        miner.add(None, round, "often here", 1);
        lines += 2;
        assert!(miner.clusters.len() <= 8 && miner.known.len() <= 16 && miner.samples <= 20 + 8);
    }
    let mined = miner.finish();
    let kept: u64 = mined.patterns.iter().map(MinedPattern::lines).sum();
    assert_eq!(kept + mined.rare_lines, lines);
    assert_eq!(mined.patterns[0].pattern, "often here");
}

proptest! {
    /// Whatever comes in, every line counts, and every pattern is one that the filter `|>` takes.
    #[test]
    fn every_pattern_is_an_argument_for_the_filter(lines in prop::collection::vec("([a-c<>_0-9=: /\"ä]|<_>|word |id=7 ){0,20}", 1..12)) {
        let mut miner = Miner::new(1, MinerLimits::default());
        lines.iter().for_each(|line| miner.add(None, 0, line, 1));
        let mined = miner.finish();
        let total: u64 = mined.patterns.iter().map(MinedPattern::lines).sum();
        prop_assert_eq!(total, lines.len() as u64);
        for pattern in &mined.patterns {
            prop_assert!(Pattern::filter(&pattern.pattern).is_ok(), "{:?}", pattern.pattern);
        }
    }
}
