use super::*;
use crate::cli::render::{Output, entries};
use serde_json::json;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn plain_words_become_filters_over_everything_and_logql_stays_as_it_is() {
    let logql = |words: &[&str]| logs::to_logql(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
    assert_eq!(logql(&[]), "{}");
    assert_eq!(logql(&["connection refused", "a\"b"]), r#"{} |= "connection" |= "refused" |= "a\"b""#);
    assert_eq!(logql(&[r#"{app="x"} |= "y""#]), r#"{app="x"} |= "y""#);
}

#[test]
fn lines_are_printed_in_each_shape() {
    let streams = json!([{"stream": {"app": "shop", "level": "error"}, "values": [
        ["1715680800123000000", "no luck", {"structuredMetadata": {"trace": "t 1"}, "parsed": {}}]]}]);
    let found = entries(&streams);
    let render = |output| found[0].render(output, false);
    assert_eq!(render(Output::Raw), "no luck");
    assert_eq!(render(Output::Pretty), "2024-05-14T10:00:00.123Z error shop  no luck");
    let logfmt = r#"time=2024-05-14T10:00:00.123Z app=shop level=error trace="t 1" line="no luck""#;
    assert_eq!(render(Output::Logfmt), logfmt);
    let back: serde_json::Value = serde_json::from_str(&render(Output::Json)).unwrap();
    assert_eq!(
        (&back["labels"]["app"], &back["metadata"]["trace"], &back["line"]),
        (&json!("shop"), &json!("t 1"), &json!("no luck"))
    );
}

#[test]
fn the_level_is_found_in_the_line_when_no_label_says_it() {
    let shown = |line: &str| {
        let streams = json!([{"stream": {"app": "a"}, "values": [["0", line]]}]);
        entries(&streams)[0].render(Output::Pretty, false)
    };
    assert_eq!(shown(r#"{"a":1,"level":"warn"}"#), r#"1970-01-01T00:00:00.000Z warn  a  {"a":1,"level":"warn"}"#);
    assert_eq!(shown("ts=1 level=error msg=x"), "1970-01-01T00:00:00.000Z error a  ts=1 level=error msg=x");
    assert_eq!(shown("10:00 ERROR [main] no"), "1970-01-01T00:00:00.000Z ERROR a  10:00 ERROR [main] no");
    assert_eq!(shown("all is well"), "1970-01-01T00:00:00.000Z       a  all is well");
}

#[test]
fn times_are_read_as_people_write_them() {
    let now = gantry_model::Timestamp::from_secs(1_715_680_800);
    let read = |text| when::instant(text, now).unwrap();
    assert_eq!(when::show(read("now")), "2024-05-14T10:00:00.000Z");
    assert_eq!(when::show(read("15m")), "2024-05-14T09:45:00.000Z");
    assert_eq!(when::show(read("2024-05-13")), "2024-05-13T00:00:00.000Z");
    assert_eq!(when::show(read("2024-05-13T12:30:00Z")), "2024-05-13T12:30:00.000Z");
    assert_eq!(read("17"), gantry_model::Timestamp(17));
    assert!(when::instant("yesterday", now).is_err());
}

#[test]
fn sql_is_told_from_logql_by_its_first_word() {
    assert!(query::is_sql("  select count(*) from logs"));
    assert!(query::is_sql("EXPLAIN SELECT 1"));
    assert!(!query::is_sql("{app=\"select\"}"));
    assert!(!query::is_sql("sum(rate({a=\"b\"}[1m]))"));
}

#[test]
fn tables_align_and_csv_quotes() {
    let text = |cells: &[&str]| cells.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
    let (header, rows) = (text(&["app", "n"]), [text(&["shop", "7"]), text(&["a,\"b", "10"])]);
    assert_eq!(table::table(&header, &rows), ["app    n", "----  --", "shop   7", "a,\"b  10"]);
    assert_eq!(table::csv(&header, &rows), ["app,n", "shop,7", "\"a,\"\"b\",10"]);
}
