"""Spans for OpenTelemetry (doc/tracing.md): python3 spans.py FILE [SECONDS]. FILE remembers how far it has come. They go by
OTLP/HTTP, as JSON, to OTEL_EXPORTER_OTLP_ENDPOINT, http://localhost:4318 by default. What the role may see is told."""
import json, os, sys, time, urllib.error, urllib.request
from datetime import datetime, timedelta, timezone
import psycopg
from psycopg.rows import namedtuple_row

ENDPOINT = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318").rstrip("/") + "/v1/traces"
SERVICE = {"service.name": os.environ.get("OTEL_SERVICE_NAME", "workflow")}
KINDS = {"internal": 1, "server": 2, "consumer": 5}
BATCH = 500
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

def nanos(at): return str((at - EPOCH) // timedelta(microseconds=1) * 1000)

def value(v):
    if isinstance(v, bool): return {"boolValue": v}
    if isinstance(v, int): return {"intValue": str(v)}
    if isinstance(v, list): return {"arrayValue": {"values": [value(each) for each in v]}}
    return {"stringValue": str(v)}

def attributes(of): return [{"key": key, "value": value(v)} for key, v in of.items()]

def span(row):
    return {"traceId": row.trace_id, "spanId": row.span_id, "parentSpanId": row.parent_span_id, "name": row.name,
            "kind": KINDS[row.kind], "startTimeUnixNano": nanos(row.started_at), "endTimeUnixNano": nanos(row.ended_at),
            "attributes": attributes(row.attributes),
            "links": [{"traceId": link["trace_id"], "spanId": link["span_id"]} for link in row.links or []],
            "status": {"code": 2, "message": row.status_message or ""} if row.status == "error" else {}}

def post(rows):                         # a collector that is away, or has too much to do, is an error; one that refuses is not
    body = {"resourceSpans": [{"resource": {"attributes": attributes(SERVICE)}, "scopeSpans": [
        {"scope": {"name": "workflow"}, "spans": [span(row) for row in rows]}]}]}
    request = urllib.request.Request(ENDPOINT, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try: urllib.request.urlopen(request, timeout=30).close()
    except urllib.error.HTTPError as error:
        if error.code in (429, 502, 503, 504): raise
        print(f"{len(rows)} spans were refused: {error}", file=sys.stderr)

def export(db, path):
    before = open(path).read() if os.path.exists(path) else None
    position = before
    with db.transaction(), db.cursor("spans") as spans:     # the first time, those of an hour
        spans.execute("SELECT * FROM workflow.spans(CASE WHEN %s::pg_snapshot IS NULL THEN now() - interval '1 hour' END, %s::pg_snapshot)",
                      (before, before))
        while rows := spans.fetchmany(BATCH): post(rows); position = rows[0].position
    if position != before:              # after the last of them: what was sent and not noted is sent again, with the same ids
        with open(path + ".new", "w") as new: new.write(position)
        os.replace(path + ".new", path)

while True:
    try:
        with psycopg.connect(autocommit=True, row_factory=namedtuple_row) as db:
            while True: export(db, sys.argv[1]); time.sleep(float(sys.argv[2]) if len(sys.argv) > 2 else 5)
    except (psycopg.OperationalError, OSError) as error:    # URLError is an OSError
        print(error, file=sys.stderr)
        time.sleep(1)
