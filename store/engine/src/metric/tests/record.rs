//! Records of the log: bytes that stay what they are, and bytes that are no record.

use crate::metric::count_samples;
use crate::metric::record::EntryWriter;
use crate::metric::series::Series;
use gantry_chunk::Scratch;
use gantry_model::metric::{MetricMetadata, MetricType};
use gantry_model::{LabelSet, TenantId};
use proptest::prelude::*;

/// Two entries, one of which defines its series, and a description.
fn record() -> Vec<u8> {
    let mut scratch = Scratch::default();
    let mut labels = Vec::new();
    LabelSet::from_pairs([("__name__", "up")]).encode(&mut labels);
    let mut series = Series::new(labels.as_slice().into(), None);
    let mut entries = EntryWriter::default();
    for (at, value) in [(1000, 1.0), (1015, 0.1)] {
        entries.begin(7);
        entries.number(at, value);
        entries.end(&mut series, &mut scratch);
    }
    let about = MetricMetadata { kind: MetricType::Gauge, help: "Up?".into(), unit: String::new() };
    let mut out = Vec::new();
    entries.finish(&mut out, &TenantId::new("t").unwrap(), 3, &[], &[("up".into(), about)]).unwrap();
    out.split_off(8)
}

#[test]
fn the_bytes_of_a_record_stay_what_they_are() {
    let hex: String = record().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, GOLDEN, "what older versions wrote has to be read");
    assert_eq!(count_samples(&record(), &mut Scratch::default()), Ok(2));
}

const GOLDEN: &str = "02017403020e050c5f5f6e616d655f5fff7570ffd00f023ff0\
    00041e083fb999999999999a00010275700567617567650355703f00";

proptest! {
    #[test]
    fn garbage_is_refused_or_read_but_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = count_samples(&[&[2], &*bytes].concat(), &mut Scratch::default());
    }

    #[test]
    fn a_changed_byte_is_refused_or_read_but_never_panics(at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let mut bytes = record();
        let place = at.index(bytes.len());
        bytes[place] = with;
        let _ = count_samples(&bytes, &mut Scratch::default());
    }
}
