#![no_main]
//! Templates of alerts: whatever they say, they are filled in or fail, in bounded time and space.

use gantry_alerting::{Evaluate, Expand, Point, Sample, Subject, Templates, Value};
use gantry_model::LabelSet;
use libfuzzer_sys::fuzz_target;

/// Two series answer every query.
struct Two;

impl Evaluate for Two {
    fn instant(&mut self, _: &str, _: i64) -> Result<Vec<Sample>, String> {
        let sample = |job: &str, value| Sample { labels: LabelSet::from_pairs([("job", job)]), value: Value::Number(value) };
        Ok(vec![sample("a", 1.5), sample("b", f64::NAN)])
    }

    fn append(&mut self, _: Vec<Point>) -> Result<(), String> {
        Ok(())
    }
}

fuzz_target!(|text: &str| {
    let labels = LabelSet::from_pairs([("__name__", "disk_used"), ("host", "db-1:9100"), ("n", "7")]);
    let subject = Subject { alert: "DiskFull", labels: &labels, value: 95.5, at_ms: 1_767_225_600_000 };
    let _ = Templates::default().expand(text, &subject, &mut Two);
});
