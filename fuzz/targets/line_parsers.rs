#![no_main]
//! The parsers of query pipelines over lines: the first line of the input is a pattern, the rest the log line.

use gantry_query_eval::parse::pattern::Pattern;
use gantry_query_eval::parse::{json, logfmt, sanitize};
use libfuzzer_sys::fuzz_target;
use std::ops::ControlFlow;

fuzz_target!(|text: &str| {
    let (pattern, line) = text.split_once('\n').unwrap_or((text, text));
    // What they find is the business of their own tests: here they may only not panic and not hang.
    let _ = json::each_member(line, |key, value| {
        let (_, _) = (json::unescape(key), json::unescape(value.raw));
        Ok(ControlFlow::Continue(()))
    });
    let found: usize = logfmt::pairs(line).map(|_| 1).sum();
    assert!(found <= line.len());
    if let Ok(parser) = Pattern::parser(pattern) {
        parser.captures(line, |_, part| assert!(line.contains(part)));
    }
    if let Ok(filter) = Pattern::filter(pattern) {
        let _ = filter.matches(line);
    }
    assert!(sanitize(line).bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric()));
});
