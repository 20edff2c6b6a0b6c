#![no_main]
//! OTLP metrics in protobuf and in JSON, twice, so that differences are added up.

use gantry_ingest::Deltas;
use gantry_ingest::decode::{OtlpMetricContext, OtlpMetricOptions, otlp_metrics_json, otlp_metrics_protobuf};
use gantry_model::TenantId;
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

fuzz_target!(|body: &[u8]| {
    let (options, tenant) = (OtlpMetricOptions::default(), TenantId::default_tenant());
    let deltas = Deltas::new(16, Duration::from_secs(1));
    for now_ms in [1_715_680_800_000, 1_715_680_801_000] {
        let context = OtlpMetricContext { options: &options, deltas: deltas.of(&tenant, now_ms), now_ms };
        let _ = otlp_metrics_protobuf(body, context);
        let _ = otlp_metrics_json(body, context);
    }
});
