#![no_main]
//! The LogQL parser and its printers: what is accepted can be printed, read again, and is then the same.

use gantry_query_lang::{MAX_NESTING, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(expr) = parse(text) else { return };
    let printed = expr.to_string();
    // The printer adds parentheses, which count as nesting.
    if text.matches(['(', '-', '+']).count() < MAX_NESTING / 4 {
        let again = parse(&printed).unwrap_or_else(|error| panic!("{text:?} became {printed:?}: {error}"));
        assert_eq!(again.to_string(), printed, "{text:?}");
    }
});
