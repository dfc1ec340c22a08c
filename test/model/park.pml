/*
 * park.pml
 *	  A run that parks until it is told something, and who tells it: neither misses the other.
 *
 * Stands for src/run/run_park.c: wf_run_park(); src/run/run_signal.c: wf_run_signal(),
 * is_parked_for(), unpark(); src/store/checkpoint.c: wf_checkpoint_add(), _find();
 * src/run/run_worker.c: wf_run_worker_park().
 *
 * A run is claimed, does something, and parks until it is told an event; two tell it that
 * event. Each locks the row and waits for the lock; what is looked at after that is what
 * was committed by then. The lock goes with the commit. What it is told is kept as a
 * checkpoint, the first one counts; with it the run does not wait, and ends.
 *
 * The row of a run that is claimed by a worker is changed, that of one that is atomic is
 * deleted and comes back as another one: wf_run_lock() of src/store/run.c looks again.
 */

// property safety
// broken safety LOOKED_BEFORE_LOCK	park() looks for the event before it has the lock
// broken safety SIGNAL_UNLOCKED	signal() does not lock the run
// broken safety NOT_KEPT			what a run is told that is not parked is not kept
// broken safety ADDED_TWICE		the second event replaces the first
// broken safety ROW_GONE			who waited for a row that was put back as another one gives up

mtype = { WAITING, RUNNING, ENDED };

mtype state = WAITING;
bool ready = true, parked, locked;
byte version = 0;				/* the row: one that was put back is another one */
byte kept = 0;					/* the checkpoint: who told it; 0: none */
byte accepted = 0;				/* signals that returned true */
byte read = 0;					/* what the code of the run was told */

inline lock()
{
	atomic { !locked -> locked = true }
}

proctype worker()
{
	byte found;

again:
	atomic { state == WAITING && ready && !locked -> state = RUNNING; ready = false };
	/* its code reads the checkpoint: it goes on behind park(), or parks */
	found = kept;
	if
	:: found -> read = found; goto finish
	:: else
	fi;
#ifdef LOOKED_BEFORE_LOCK
	found = kept;
	lock();
#else
	lock();
	found = kept;
#endif
	atomic {
		state = WAITING;
		parked = (found == 0);
		ready = !parked;
		found = 0;
		if
		:: version++			/* wf_run_put_back() */
		:: true					/* wf_run_update() */
		fi;
		locked = false
	};
	goto again;
finish:
	lock();
	atomic { state = ENDED; assert(read == kept); locked = false }
}

proctype teller(byte me)
{
	bool was_parked;
	byte my_version;

again:
	my_version = version;
#ifndef SIGNAL_UNLOCKED
	lock();
#endif
	if
#ifdef ROW_GONE
	:: atomic { version != my_version -> locked = false; goto out }
#else
	:: atomic { version != my_version -> locked = false; goto again }
#endif
	:: atomic { version == my_version -> skip }
	fi;
	if
	:: atomic { state == ENDED -> locked = false; goto out }
	:: atomic { state != ENDED -> skip }
	fi;
	was_parked = parked;
#ifdef NOT_KEPT
	if
	:: !was_parked -> atomic { locked = false; accepted++; goto out }
	:: else
	fi;
#endif
	/* its transaction commits */
	atomic {
		if
#ifdef ADDED_TWICE
		:: true -> kept = me; accepted++
#else
		:: kept == 0 -> kept = me; accepted++
		:: else
#endif
		fi;
		if
		:: was_parked && kept == me -> parked = false; ready = true
		:: else
		fi;
		assert(accepted <= 1);
#ifndef SIGNAL_UNLOCKED
		locked = false
#endif
	};
out:
	skip
}

proctype monitor()
{
end:
	atomic { timeout -> assert(state == ENDED && accepted == 1) }
}

init
{
	atomic { run worker(); run teller(1); run teller(2); run monitor() }
}
