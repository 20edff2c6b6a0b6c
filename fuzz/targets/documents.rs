#![no_main]
//! Elasticsearch bulk requests, Splunk events, journal exports.

use gantry_ingest::IngestOptions;
use gantry_ingest::decode::{BulkRequest, HecRequest, bulk, hec_events, journal, journal_piece};
use gantry_model::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let (options, now) = (IngestOptions::default(), Timestamp::from_secs(1_715_680_800));
    let request = BulkRequest { index: Some("i".to_owned()), time_field: None };
    if let Ok(bulk) = bulk(body, &request, &options, now) {
        let good = bulk.items.iter().filter(|item| item.error.is_none()).count();
        assert_eq!(good, bulk.incoming.batch.rows().len());
    }
    let events = hec_events(body, &HecRequest::default(), &options, now).expect("bad events are told");
    assert!(events.incoming.batch.rows().len() <= events.events);
    let piece = journal_piece(body, false, &options, now);
    if let Ok(piece) = &piece {
        assert!(piece.bytes <= body.len());
    }
    if let Ok(whole) = journal(body, &options, now) {
        let piece = piece.expect("what is good as a whole is good as a part");
        assert!(piece.incoming.batch.rows().len() <= whole.batch.rows().len());
    }
});
