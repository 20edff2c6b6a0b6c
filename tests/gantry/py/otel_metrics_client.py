"""Sends one export of metrics through the OpenTelemetry SDK: otel_metrics_client.py grpc|http ENDPOINT.

Exits 1 when the exporter could not deliver it.
"""
import sys

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource


def exporter(protocol, endpoint):
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter

        return OTLPMetricExporter(endpoint=endpoint, insecure=True)
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    return OTLPMetricExporter(endpoint=endpoint)


def main(protocol, endpoint):
    export = exporter(protocol, endpoint)
    outcomes = []
    inner = export.export

    def remember(*args, **kwargs):
        outcome = inner(*args, **kwargs)
        outcomes.append(outcome)
        return outcome

    export.export = remember
    reader = PeriodicExportingMetricReader(export, export_interval_millis=3_600_000)
    views = [
        View(instrument_name="classic", aggregation=ExplicitBucketHistogramAggregation(boundaries=[1, 10])),
        View(instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation()),
    ]
    resource = Resource.create({"service.name": "sdk-" + protocol, "service.version": "1.2.3"})
    provider = MeterProvider(resource=resource, metric_readers=[reader], views=views)
    meter = provider.get_meter("client")
    meter.create_counter("requests", unit="1").add(3, {"http.method": "GET"})
    meter.create_gauge("temperature", unit="Cel").set(21.5)
    for instrument in ("classic", "exponential"):
        histogram = meter.create_histogram(instrument, unit="s")
        for value in (0.5, 5, 50):
            histogram.record(value)
    provider.force_flush(20_000)
    delivered = outcomes == [MetricExportResult.SUCCESS]
    provider.shutdown()
    return 0 if delivered else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
