// A worker in Go, for charge.go. The PG* variables of the environment say which database.
package main

import (
	"context"
	"database/sql"
	"errors"
	"github.com/lib/pq"
	"log"
	"os/signal"
	"syscall"
	"time"
)

type run struct{ id, fence, params string }

var db, _ = sql.Open("postgres", "") // opens anew what is lost
var stop, _ = signal.NotifyContext(context.Background(), syscall.SIGTERM)

func serve(queue string, lease time.Duration, work func(run) error) {
	for stop.Err() == nil {
		if _, err := db.ExecContext(stop, "CALL workflow.await_work($1)", queue); err != nil {
			log.Print(err)
			time.Sleep(time.Second)
			continue
		}
		claims, err := db.Query("SELECT run, fence, params FROM workflow.claim($1, 'go', 10, $2)", queue, lease.String())
		over, n := make(chan run), 0
		for ; err == nil && claims.Next(); n++ {
			var r run
			claims.Scan(&r.id, &r.fence, &r.params)
			go func() { attend(r, lease, work); over <- r }()
		}
		for ; n > 0; n-- {
			<-over
		}
	}
}

func attend(r run, lease time.Duration, work func(run) error) { // if telling fails, the lease ends: another attempt
	done := make(chan error, 1)
	go func() { done <- work(r) }()
	for {
		select {
		case err := <-done: // the job's retry says by the code whether another attempt comes
			if failure := (&pq.Error{Code: "failed"}); errors.As(err, &failure) || err != nil {
				db.Exec("SELECT workflow.fail($1, $2, jsonb_build_object('code', $3::text, 'message', $4::text))",
					r.id, r.fence, failure.Code, err.Error())
			}
			return
		case <-time.After(lease / 3):
			if stop.Err() != nil { // what has not ended so long after SIGTERM is given back
				db.Exec("SELECT workflow.release($1, $2)", r.id, r.fence)
				return
			}
			db.Exec("SELECT workflow.extend($1, $2, $3)", r.id, r.fence, lease.String())
		}
	}
}
