"""Sends log records through the OpenTelemetry SDK: otel_client.py grpc|http ENDPOINT COUNT.

Every tenth record is an error. Exits 1 when the exporter could not deliver everything.
"""
import logging
import sys

from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource


def exporter(protocol, endpoint):
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter

        return OTLPLogExporter(endpoint=endpoint, insecure=True)
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

    return OTLPLogExporter(endpoint=endpoint)


def main(protocol, endpoint, count):
    resource = Resource.create({"service.name": "sdk-" + protocol, "service.version": "1.2.3"})
    provider = LoggerProvider(resource=resource)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter(protocol, endpoint)))
    logger = logging.getLogger("client")
    logger.setLevel(logging.INFO)
    logger.addHandler(LoggingHandler(logger_provider=provider))
    for number in range(int(count)):
        level = logging.ERROR if number % 10 == 0 else logging.INFO
        logger.log(level, "%s line %d with ünïcode", protocol, number, extra={"user_id": 7})
    delivered = provider.force_flush(20_000)
    provider.shutdown()
    return 0 if delivered else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
