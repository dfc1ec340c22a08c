"""A worker: python3 worker.py QUEUE. The PG* variables of the environment say which database."""
import os, signal, sys, threading, time
import psycopg
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb

LEASE, BATCH = float(os.environ.get("LEASE", 30)), 10       # seconds, runs
stop, held = threading.Event(), {}                          # held: the fence of each run that we have
class Final(Exception): "A failure that another attempt would not mend."

def ask(db, statement, *values):
    return db.execute(statement, values).fetchone()[0]

def complete(db, run, result=None):     # in one transaction with what you write: all of it, or nothing
    if not ask(db, "SELECT workflow.complete(%s, %s, %s)", run.run, run.fence, Jsonb(result)):
        raise Final("the run is not ours any more")

def attempt(db, run, work):
    try:
        if run.run not in held: raise Final("cancelled")
        work(db, run)
    except Exception as error:
        if db.closed: raise
        told = {"code": getattr(error, "sqlstate", None) or type(error).__name__, "message": str(error)}
        ask(db, "SELECT workflow.fail(%s, %s, %s, final => %s)", run.run, run.fence, Jsonb(told), isinstance(error, Final))
    held.pop(run.run, None)

def keep():                             # extends the leases, on connections of its own
    while True:
        time.sleep(LEASE / 3)
        try:
            with psycopg.connect(autocommit=True) as db:
                for run, fence in list(held.items()):
                    if ask(db, "SELECT workflow.extend(%s, %s, %s)", run, fence, f"{LEASE} s") != "go on":
                        held.pop(run, None)                 # cancelled, or taken away: long work may look here
        except psycopg.Error as error: print(error, file=sys.stderr)

def serve(queue, work):
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=keep, daemon=True).start()
    while not stop.is_set():
        try:
            with psycopg.connect(autocommit=True, row_factory=namedtuple_row) as db:
                while True:
                    while held: ask(db, "SELECT workflow.release(%s, %s)", *held.popitem())     # left, see below
                    if stop.is_set(): return
                    runs = db.execute("SELECT * FROM workflow.claim(%s, %s, %s, %s)",
                                      (queue, f"worker {os.getpid()}", BATCH, f"{LEASE} s")).fetchall()
                    held.update((run.run, run.fence) for run in runs)
                    for run in runs:
                        if not stop.is_set(): attempt(db, run, work)
                    if not runs: db.execute("CALL workflow.await_work(%s, '5 s')", [queue])
        except Exception as error:      # the connection, mostly: what we held is given back by the next one
            print(error, file=sys.stderr)
            time.sleep(1)
