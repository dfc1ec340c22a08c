"""What workflow.metrics() says, for Prometheus: python3 exporter.py [PORT]. The role needs workflow_monitor. It listens
on this machine only; each scrape is a connection of its own, so that none is held in between."""
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import psycopg

class Metrics(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            with psycopg.connect("connect_timeout=5 options='-c statement_timeout=10s'", client_encoding="utf8") as db:
                status, body = 200, db.execute("SELECT workflow.metrics()").fetchone()[0]
        except psycopg.Error as error:
            status, body = 503, f"# {error}".replace("\n", " ") + "\n"
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 9899), Metrics).serve_forever()
