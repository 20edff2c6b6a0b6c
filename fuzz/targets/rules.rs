#![no_main]
//! Files of rules and of their unit tests: whatever they hold is read or refused; what is accepted is, written as YAML, the same.

use gantry_alerting::RuleFile;
use gantry_query_lang::promql::Options;
use gantry_rule_test::TestFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = (RuleFile::parse_known(text), TestFile::parse(text));
    let Ok(file) = RuleFile::parse(text) else { return };
    let _ = file.duplicates();
    if !file.problems(Options::ALL).is_empty() {
        return;
    }
    let written = file.to_yaml();
    let again = RuleFile::parse(&written).unwrap_or_else(|error| panic!("{text:?} became {written:?}: {error}"));
    assert_eq!(again, file, "{text:?}");
});
