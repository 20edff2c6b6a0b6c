use super::*;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_secs(1000);

const JSON: &str = r#"{"resourceLogs":[{
  "resource":{"attributes":[
    {"key":"service.name","value":{"stringValue":"shop"}},
    {"key":"k8s.pod.name","value":{"stringValue":"shop-0"}},
    {"key":"host.id","value":{"intValue":"17"}}]},
  "scopeLogs":[{"scope":{"name":"lib","version":"1","attributes":[{"key":"a.b","value":{"boolValue":true}}]},
    "logRecords":[
      {"timeUnixNano":"5","observedTimeUnixNano":"6","severityNumber":17,"severityText":"ERROR","traceId":"5b8efff798038103d269b633813fc60c",
       "spanId":"eee19b7ec3c1b174","flags":1,"body":{"stringValue":"failed"},
       "attributes":[{"key":"http","value":{"kvlistValue":{"values":[{"key":"status","value":{"intValue":500}}]}}}]},
      {"observedTimeUnixNano":"7","body":{"kvlistValue":{"values":[{"key":"n","value":{"doubleValue":1.5}},
         {"key":"l","value":{"arrayValue":{"values":[{"stringValue":"x"},{"boolValue":false}]}}}]}}},
      {"timeUnixNano":"18446744073709551615","body":{"stringValue":"late"}},
      {"body":{"intValue":"-3"}}]}]}]}"#;

fn lines(incoming: &Incoming) -> Vec<String> {
    let batch = &incoming.batch;
    let line = |row| {
        format!("{} {} {}", gantry_model::LogRow::clone(row).timestamp.nanos(), batch.body(row), batch.metadata(row))
    };
    batch.rows().iter().map(line).collect()
}

#[test]
fn resource_attributes_become_labels_and_everything_else_metadata() {
    let incoming = otlp_json(JSON.as_bytes(), NOW).unwrap();
    assert_eq!(incoming.batch.streams().len(), 1);
    assert_eq!(incoming.batch.streams()[0].labels.to_string(), r#"{k8s_pod_name="shop-0", service_name="shop"}"#);
    let shared = r#""host_id":"17","#;
    let scope = r#""scope_name":"lib","scope_version":"1""#;
    let expected = [
        format!(
            r#"5 failed {{"a_b":"true","flags":"1",{shared}"http_status":"500","observed_timestamp":"6",{scope},"severity_number":"17","severity_text":"ERROR","span_id":"eee19b7ec3c1b174","trace_id":"5b8efff798038103d269b633813fc60c"}}"#
        ),
        format!(r#"7 {{"n":1.5,"l":["x",false]}} {{"a_b":"true",{shared}"observed_timestamp":"7",{scope}}}"#),
        format!(r#"1000000000000 -3 {{"a_b":"true",{shared}{scope}}}"#),
    ];
    assert_eq!(lines(&incoming), expected);
    assert_eq!(incoming.refused.by_reason()[0].reason, Reason::TimestampOutOfRange);
}

#[test]
fn protobuf_and_json_say_the_same() {
    let request: ExportLogsServiceRequest = serde_json::from_str(JSON).unwrap();
    assert_eq!(otlp_protobuf(&request.encode_to_vec(), NOW).unwrap(), otlp_json(JSON.as_bytes(), NOW).unwrap());
}

#[test]
fn invalid_utf8_stays_readable_and_is_counted() {
    let request: ExportLogsServiceRequest = serde_json::from_str(JSON).unwrap();
    let mut body = request.encode_to_vec();
    for text in ["failed", "shop-0", "http"] {
        let at = body.windows(text.len()).position(|w| w == text.as_bytes()).unwrap();
        body[at] = 0xff;
    }
    let incoming = otlp_protobuf(&body, NOW).unwrap();
    assert_eq!(incoming.invalid_utf8, 3);
    assert_eq!(incoming.batch.streams()[0].labels.get("k8s_pod_name"), Some("\u{fffd}hop-0"));
    assert!(lines(&incoming)[0].starts_with("5 \u{fffd}ailed "));
    assert_eq!(incoming.batch.line_count(), 3);
}

#[test]
fn a_resource_that_does_not_say_its_name_is_the_unknown_service() {
    let body = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}"#;
    let incoming = otlp_json(body.as_bytes(), NOW).unwrap();
    assert_eq!(incoming.batch.streams()[0].labels.to_string(), r#"{service_name="unknown_service"}"#);
}

#[test]
fn broken_requests_say_what_does_not_fit() {
    let error = otlp_protobuf(b"\x0a\xff", NOW).unwrap_err();
    assert!(error.to_string().starts_with("invalid_protobuf: "), "{error}");
    let error = otlp_json(b"{\"resourceLogs\": 5}", NOW).unwrap_err();
    assert!(error.to_string().ends_with("at line 1 column 18"), "{error}");
}

#[test]
fn index_attributes_are_sorted_for_the_search() {
    assert!(INDEX_ATTRIBUTES.is_sorted());
}

proptest! {
    #[test]
    fn damaged_requests_never_panic(at in 0..400usize, byte: u8) {
        let request: ExportLogsServiceRequest = serde_json::from_str(JSON).unwrap();
        let mut body = request.encode_to_vec();
        let at = at % body.len();
        body[at] = byte;
        let _ = otlp_protobuf(&body, NOW);
        let mut text = JSON.as_bytes().to_vec();
        text[at] = byte;
        let _ = otlp_json(&text, NOW);
    }
}
