#![no_main]
//! Policies of scaling: read or refused; what is accepted is, written as JSON, the same.

use gantry_scaler::parse_policies;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(policies) = parse_policies(text) else { return };
    for policy in policies {
        let written = serde_json::to_string(&policy).expect("a policy can be written");
        let again = parse_policies(&written).unwrap_or_else(|wrong| panic!("{text:?} became {written:?}: {wrong:?}"));
        assert_eq!(again, [policy], "{text:?}");
    }
});
