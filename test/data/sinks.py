"""What clients.pl talks to over HTTP and SMTP: sinks.py FILE. The first line of FILE has both ports, each other one a
request: "http KEY TIME PATH BODY" or "mail MESSAGE-ID TIME RECIPIENT"."""
import sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer

log, lock, seen = open(sys.argv[1], "w"), threading.Lock(), set()

def note(*words):
    with lock:
        print(*words, file=log, flush=True)

def first(key):                         # is this the first time that we hear of it?
    with lock:
        return key not in seen and not seen.add(key)

class Http(BaseHTTPRequestHandler):
    def answer(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        body = f"answer to {self.path}\0".encode()
        self.send_header("Content-Length", len(body))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        key = self.headers["Idempotency-Key"]
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        note("http", key, time.time(), self.path, self.headers["X-Test"], body)
        if self.path == "/slow" and first(key): time.sleep(3600)
        if self.path == "/busy" and first(key): return self.answer(429, Retry_After="2")
        if self.path == "/broken" and first(key): return self.answer(503)
        if self.path == "/none": return self.answer(404)
        if self.path == "/elsewhere": return self.answer(302, Location="/none")
        self.answer(200, X_Test="yes")
    do_GET = do_PUT = do_POST

    def log_message(self, *args): pass

class Smtp(StreamRequestHandler):
    def say(self, text): self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        self.say("220 sink")
        while line := self.rfile.readline().decode().strip():
            verb = line[:4].upper()
            if verb == "RCPT":
                to = line[line.index("<") + 1:line.index(">")]
                if to.startswith("nobody"): self.say("550 no such user")
                elif to.startswith("later") and first(to): self.say("451 not now")
                else: self.say("250 ok")
            elif verb == "DATA":
                self.say("354 go on")
                text = b""
                while not text.endswith(b"\r\n.\r\n"): text += self.rfile.readline()
                head = dict(line.split(": ", 1) for line in text.decode().split("\r\n\r\n")[0].split("\r\n"))
                note("mail", head["Message-ID"], time.time(), to)
                if to.startswith("slow") and first(to): time.sleep(3600)
                self.say("250 ok")
            elif verb == "QUIT": return self.say("221 bye")
            else: self.say("250 ok")

class Server(ThreadingTCPServer):
    daemon_threads = True

servers = ThreadingHTTPServer(("127.0.0.1", 0), Http), Server(("127.0.0.1", 0), Smtp)
note("ports", *(server.server_address[1] for server in servers))
threading.Thread(target=servers[0].serve_forever, daemon=True).start()
servers[1].serve_forever()
