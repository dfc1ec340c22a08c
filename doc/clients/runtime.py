"""A runtime (doc/cluster.md): python3 runtime.py ID QUEUE. The PG* variables of the environment say which database."""
import os, signal, sys, threading, time, uuid
import psycopg
from psycopg.rows import namedtuple_row
from psycopg.types.json import Jsonb

START = uuid.uuid4().hex                # new at each start of this program
stop = threading.Event()

class Life:
    """From a registration until the epoch is over."""
    def __init__(self, id, epoch):
        self.id, self.epoch, self.until = id, epoch, 0.0
        self.over, self.turn = threading.Event(), threading.Event()

def connect(): return psycopg.connect(autocommit=True, row_factory=namedtuple_row)
def one(db, statement, *values): return db.execute(statement, values).fetchone()

def register(db, id):
    while not stop.is_set():
        told = one(db, "SELECT * FROM workflow.register_runtime(%s, fingerprint => %s)", id, START)
        if told.epoch is not None: return Life(id, told.epoch)
        print(f"runtime {id} is {told.state}, asking again in {told.wait}", file=sys.stderr)
        stop.wait(told.wait.total_seconds())

def beat(life):                         # on connections of its own, whatever the work is at
    while not life.over.is_set():
        try:
            with connect() as db:
                while not life.over.is_set():
                    pulse = one(db, "SELECT * FROM workflow.beat(%s, %s)", life.id, life.epoch)
                    if not pulse.ok: life.over.set(); return
                    if pulse.mine: life.until = time.monotonic() + pulse.mine_for.total_seconds(); life.turn.set()
                    if pulse.service:
                        for told in db.execute("SELECT * FROM workflow.service_turn(%s, %s)", (life.id, life.epoch)):
                            print(f"recovered from {told.runtime}: {told.process_or_run}, {told.decision}", file=sys.stderr)
                    every = one(db, "SELECT value::int FROM workflow.settings WHERE name = 'alive_signal_interval'")[0] / 1000
                    life.over.wait(min(every, pulse.next_in.total_seconds() if pulse.next_in else every))
        except psycopg.Error as error: print(error, file=sys.stderr); life.over.wait(0.5)

def attempt(db, run, work):
    try:
        with db.transaction():          # what the work writes in this database is written once
            result = work(db, run)
            if not one(db, "SELECT workflow.complete(%s, %s, %s)", run.run, run.fence, Jsonb(result))[0]:
                raise psycopg.Rollback      # the run is not ours any more
    except Exception as error:
        if db.closed: raise
        told = {"code": getattr(error, "sqlstate", None) or type(error).__name__, "message": str(error)}
        one(db, "SELECT workflow.fail(%s, %s, %s)", run.run, run.fence, Jsonb(told))

def live(db, life, queue, work):
    while not (stop.is_set() or life.over.is_set()):
        if not life.turn.wait(0.2): continue
        life.turn.clear()
        runs = True
        while runs and time.monotonic() < life.until and not (stop.is_set() or life.over.is_set()):
            runs = db.execute("SELECT * FROM workflow.claim(%s, %s, 2, epoch => %s)",
                              (queue, life.id, life.epoch)).fetchall()
            for run in runs:            # one that is not begun is given back at the end, or by who recovers us
                if not (stop.is_set() or life.over.is_set()): attempt(db, run, work)

def serve(id, queue, work):
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    while not stop.is_set():
        life = None
        try:
            with connect() as db:
                life = register(db, id)
                if life is None: return
                threading.Thread(target=beat, args=[life], daemon=True).start()
                live(db, life, queue, work)
                if not life.over.is_set(): one(db, "SELECT workflow.shutdown_runtime(%s, %s)", life.id, life.epoch)
        except psycopg.Error as error:
            print(error, file=sys.stderr)
            time.sleep(0.5)
        finally:
            if life: life.over.set()
