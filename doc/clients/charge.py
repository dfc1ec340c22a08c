"""Runs of job "charge" (doc/workers.md): python3 charge.py QUEUE."""
import sys, time
from worker import complete, serve

def charge(db, run):
    time.sleep(run.params["seconds"])                       # what is done elsewhere is done at least once,
    with db.transaction():                                  # what is written here exactly once
        db.execute("INSERT INTO shop.receipt (customer, amount) VALUES (%s, %s)",
                   (run.params["customer"], run.params["amount"]))
        complete(db, run, {"paid": run.params["amount"]})

serve(sys.argv[1], charge)
