"""Sends documents with the official Elasticsearch client: elastic_client.py URL INDEX COUNT."""

import sys
from datetime import datetime, timezone

from elasticsearch import Elasticsearch, helpers

url, index, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
client = Elasticsearch(url, http_compress=True)
assert client.ping()
assert client.info()["tagline"] == "You Know, for Search"
assert client.cluster.health()["status"] == "green"


def action(number):
    source = {
        "@timestamp": datetime.now(timezone.utc).isoformat(),
        "message": f"elastic line {number} with ünïcode",
        "host": {"name": "h1"},
        "http": {"status": 200 + number},
    }
    return {"_op_type": "create", "_index": index, "_source": source}


good, errors = helpers.bulk(client, (action(number) for number in range(count)), chunk_size=20)
assert (good, errors) == (count, []), (good, errors)

mixed = [action(count), {"_op_type": "delete", "_index": index, "_id": "1"}]
good, errors = helpers.bulk(client, mixed, raise_on_error=False)
assert good == 1 and len(errors) == 1, (good, errors)
assert errors[0]["delete"]["status"] == 400 and "only added" in errors[0]["delete"]["error"]["reason"], errors
