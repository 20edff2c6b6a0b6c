"""Sends events with fluent-logger: fluent_client.py PORT TAG COUNT."""

import sys

from fluent import sender

port, tag, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
logger = sender.FluentSender(tag, host="127.0.0.1", port=port, nanosecond_precision=True)
for number in range(count):
    event = {"message": f"fluent line {number} with ünïcode", "user": {"id": number}}
    assert logger.emit("web", event), logger.last_error
logger.close()
