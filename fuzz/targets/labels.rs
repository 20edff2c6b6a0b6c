#![no_main]
//! Label strings such as `{app="web"}`: what is read is written back as it was meant.

use gantry_ingest::decode::label_string;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(labels) = label_string::parse(text) {
        let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
        let again = label_string::parse(&format!("{{{}}}", pairs.join(", ")));
        assert_eq!(again.ok().as_ref(), Some(&labels), "{text:?}");
    }
});

/// The escapes of Go's strings that every reader of label strings has to know.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
