"""Runs of job "ship" (doc/cluster.md) by a runtime: python3 ship.py ID QUEUE."""
import sys, time
from runtime import serve

def ship(db, run):
    time.sleep(run.params["seconds"])
    db.execute("INSERT INTO shop.shipped (parcel, by) VALUES (%s, %s)", (run.params["parcel"], sys.argv[1]))
    return {"by": sys.argv[1]}

serve(sys.argv[1], sys.argv[2], ship)
