"""The till of the demo's shop: python3 till.py QUEUE. The bank is asked over HTTP, at least once a run and always by the run's
id; what the till writes is part of the transaction in which the run is completed. The loop is doc/clients/worker.py."""
import json, os, sys, urllib.request
from worker import complete, serve

def charge(db, run):
    request = urllib.request.Request(f"http://127.0.0.1:{os.environ['BANK_PORT']}/charge",
                                     json.dumps(run.params).encode(), {"Idempotency-Key": str(run.run)})
    urllib.request.urlopen(request, timeout=10).read()
    with db.transaction():
        db.execute("INSERT INTO shop.till (order_id, run) VALUES (%s, %s)", (run.params["order"], run.run))
        complete(db, run, {"amount": run.params["amount"]})

serve(sys.argv[1], charge)
