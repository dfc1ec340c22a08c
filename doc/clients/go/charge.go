// Runs of job "charge" (doc/workers.md): go run worker.go charge.go [-lease 30s] QUEUE
package main

import (
	"encoding/json"
	"flag"
	"time"
)

func charge(r run) error {
	var params struct {
		Customer string
		Amount   json.Number
		Seconds  float64
	}
	if err := json.Unmarshal([]byte(r.params), &params); err != nil {
		return err
	}
	time.Sleep(time.Duration(params.Seconds * 1e9)) // what is done elsewhere is done at least once,
	_, err := db.Exec(`
		WITH ended AS (SELECT workflow.complete($1, $2, jsonb_build_object('paid', $4::numeric)) AS ours)
		INSERT INTO shop.receipt (customer, amount) SELECT $3, $4 FROM ended WHERE ours`,
		r.id, r.fence, params.Customer, params.Amount) // what is written here exactly once
	return err
}

func main() {
	lease := flag.Duration("lease", 30*time.Second, "so long a run is ours without a word")
	flag.Parse()
	serve(flag.Arg(0), *lease, charge)
}
