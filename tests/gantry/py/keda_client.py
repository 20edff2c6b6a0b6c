"""Asks an external scaler as KEDA does: keda_client.py ADDRESS METHOD METADATA_JSON [METRIC].

Prints what it answers as JSON, or {"code": ..., "details": ...}. A stream is read until its first two answers.
"""
import json
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

FIELD = descriptor_pb2.FieldDescriptorProto
MESSAGES = {
    "ScaledObjectRef": [("name", 1, FIELD.TYPE_STRING), ("namespace", 2, FIELD.TYPE_STRING), ("scalerMetadata", 3, "map")],
    "IsActiveResponse": [("result", 1, FIELD.TYPE_BOOL)],
    "MetricSpec": [("metricName", 1, FIELD.TYPE_STRING), ("targetSize", 2, FIELD.TYPE_INT64), ("targetSizeFloat", 3, FIELD.TYPE_DOUBLE)],
    "GetMetricSpecResponse": [("metricSpecs", 1, "MetricSpec")],
    "GetMetricsRequest": [("scaledObjectRef", 1, "=ScaledObjectRef"), ("metricName", 2, FIELD.TYPE_STRING)],
    "MetricValue": [("metricName", 1, FIELD.TYPE_STRING), ("metricValue", 2, FIELD.TYPE_INT64), ("metricValueFloat", 3, FIELD.TYPE_DOUBLE)],
    "GetMetricsResponse": [("metricValues", 1, "MetricValue")],
}
METHODS = {
    "IsActive": ("ScaledObjectRef", "IsActiveResponse"),
    "StreamIsActive": ("ScaledObjectRef", "IsActiveResponse"),
    "GetMetricSpec": ("ScaledObjectRef", "GetMetricSpecResponse"),
    "GetMetrics": ("GetMetricsRequest", "GetMetricsResponse"),
    "StreamMetricSpec": ("ScaledObjectRef", "GetMetricSpecResponse"),
}


def classes():
    file = descriptor_pb2.FileDescriptorProto(name="externalscaler.proto", package="externalscaler", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            added = message.field.add(name=field, number=number, label=FIELD.LABEL_OPTIONAL)
            if kind == "map":
                entry = message.nested_type.add(name="ScalerMetadataEntry")
                entry.options.map_entry = True
                entry.field.add(name="key", number=1, type=FIELD.TYPE_STRING, label=FIELD.LABEL_OPTIONAL)
                entry.field.add(name="value", number=2, type=FIELD.TYPE_STRING, label=FIELD.LABEL_OPTIONAL)
                added.type, added.label = FIELD.TYPE_MESSAGE, FIELD.LABEL_REPEATED
                added.type_name = f".externalscaler.{name}.ScalerMetadataEntry"
            elif isinstance(kind, str):
                added.type = FIELD.TYPE_MESSAGE
                added.label = FIELD.LABEL_OPTIONAL if kind.startswith("=") else FIELD.LABEL_REPEATED
                added.type_name = f".externalscaler.{kind.lstrip('=')}"
            else:
                added.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"externalscaler.{name}")) for name in MESSAGES}


def main(address, method, metadata, metric=""):
    known = classes()
    request_name, answer_name = METHODS[method]
    ref = known["ScaledObjectRef"](name="web", namespace="shop", scalerMetadata=json.loads(metadata))
    request = ref if request_name == "ScaledObjectRef" else known[request_name](scaledObjectRef=ref, metricName=metric)
    with grpc.insecure_channel(address) as channel:
        path = f"/externalscaler.ExternalScaler/{method}"
        kind = channel.unary_stream if method.startswith("Stream") else channel.unary_unary
        call = kind(path, request_serializer=lambda m: m.SerializeToString(), response_deserializer=known[answer_name].FromString)
        show = lambda message: json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
        try:
            if method.startswith("Stream"):
                answers = call(request, timeout=30)
                for count, answer in enumerate(answers, 1):
                    print(json.dumps(show(answer)), flush=True)
                    if count == 2:
                        answers.cancel()
                        break
            else:
                print(json.dumps(show(call(request, timeout=10))))
        except grpc.RpcError as error:
            print(json.dumps({"code": error.code().name, "details": error.details()}))


main(*sys.argv[1:])
