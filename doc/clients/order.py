"""Durable code, of job "order" (doc/durable.md): python3 order.py QUEUE. Whatever becomes of the machine that is at it,
another one goes on behind the step that was saved last."""
import sys
from psycopg.types.json import Jsonb
from worker import ask, complete, serve

def order(db, run):
    def saved(name):
        return ask(db, "SELECT workflow.checkpoint(%s, %s, %s)", name, run.run, run.fence)

    def step(name, do):                 # done until it is saved; what it writes with db is there exactly once
        with db.transaction():
            if (value := saved(name)) is None:
                value = do()
                ask(db, "SELECT workflow.save_checkpoint(%s, %s, %s, %s)", name, Jsonb(value), run.run, run.fence)
        return value

    number = step("number", lambda: ask(
        db, "INSERT INTO shop.purchase (customer) VALUES (%s) RETURNING number", run.params["customer"]))
    patience = step("patience", lambda: ask(db, "SELECT (now() + %s::interval)::text", run.params["patience"]))
    decision = saved("decision")        # SELECT workflow.signal(RUN, 'decision', '"yes"')
    if decision is None and ask(db, "SELECT now() < %s::timestamptz", patience):
        ask(db, "SELECT workflow.park(%s, %s, %s, %s)", patience, "decision", run.run, run.fence)
        return                          # no worker is at it now; then it begins anew, and finds what is saved
    with db.transaction():
        ask(db, "UPDATE shop.purchase SET state = %s WHERE number = %s RETURNING number", decision or "given up", number)
        complete(db, run, {"number": number, "decision": decision})

serve(sys.argv[1], order)
