#![no_main]
//! Configurations of Alertmanager and matchers: read or refused. What is shown of a configuration is one, too.

use gantry_alertmanager::{Config, parse_matchers};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = parse_matchers(text);
    let Ok(config) = Config::parse(text) else { return };
    let shown = config.shown();
    // Secrets are not shown, and where one is a file's content it is not a configuration any more.
    if !shown.contains("<secret>") {
        Config::parse(&shown).unwrap_or_else(|error| panic!("{text:?} is shown as {shown:?}: {error}"));
    }
});
