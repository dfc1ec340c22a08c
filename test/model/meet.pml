/*
 * meet.pml
 *	  Two that meet: runs that wait for the ends of others hear of all of them.
 *
 * Stands for src/run/run_over.c: wf_run_over(), wf_run_over_await(), settle(),
 * settle_locked(); src/shmem/wakeup_runs.c: tell_of_ends(); src/shmem/ended.c;
 * src/shmem/database_runs.c: runs_awaited; src/bgworker/settle.c: settle_some(), put_off(),
 * walk_on(); src/store/run_wait.c: what its statements see.
 *
 * One transaction makes a run that waits for two others (`after`, or park() until runs
 * end); two end these. None sees what is not committed, and nobody waits for a lock: a run
 * that is locked is passed over. Statements see what was committed when they began, and
 * what their transaction did. The runtime looks at what it was told of, and, at the
 * beginning and from time to time, at all, after which it may find that nobody waits.
 *
 * The waiting run is held by somebody else for a moment, too (alter_runs(), cancel_run()).
 */

// property safety
// broken safety WORD_BEFORE_COMMIT	who ends a run tells the runtime before that is visible
// broken safety WAITER_SILENT		who makes a run that waits does not tell the runtime of the others
// broken safety FLAG_ONCE			who makes it says that runs are waited for before the commit only
// broken safety NO_SECOND_LOOK		the runtime does not look again after it has cleared that
// broken safety LOCKED_FORGOTTEN	one that was locked is not looked at again
// broken safety NOT_LOCKED			who tells a run does not lock it

mtype = { WAITS, READY };

/* What is visible. */
bool there[2] = true;			/* runs that are waited for */
bool made;						/* the run that waits, and its rows of run_wait */
bool wait[2];
mtype state = WAITS;
bool locked;

/* Shared memory. */
bool awaited;					/* WfDatabase.runs_awaited */
bool noted[2];					/* ended.c */
bool latch;

byte walks = 2;

/* settle_locked(): the statement sees which have ended, and what the run waits for still */
inline pass(which, me)
{
	atomic {
		left0 = wait[0] && !((which == 0 || which == 2) && (!there[0] || me == 0));
		left1 = wait[1] && !((which == 1 || which == 2) && (!there[1] || me == 1))
	}
}

/* Its transaction commits: rows of run_wait are gone, the run is ready, its lock is free. */
inline passed()
{
	wait[0] = wait[0] && left0;
	wait[1] = wait[1] && left1;
	state = (!left0 && !left1 -> READY : state);
	locked = false
}

/* A transaction that ends run n. */
proctype ender(byte n)
{
	bool left0, left1, has_lock;

	/* wf_run_over() */
	if
	:: awaited ->
		if
		:: atomic { made && wait[n] && !locked -> locked = true; has_lock = true };
			pass(n, n)
		:: atomic { made && wait[n] && locked -> skip }
#ifdef NOT_LOCKED
		:: atomic { made && wait[n] -> has_lock = true }; pass(n, n)
#endif
		:: atomic { !(made && wait[n]) -> skip }
		fi
	:: else
	fi;
#ifdef WORD_BEFORE_COMMIT
	if
	:: awaited -> noted[n] = true; latch = true
	:: else
	fi;
#endif
	/* commit */
	atomic {
		there[n] = false;
		if
		:: has_lock -> passed()
		:: else
		fi
	};
	/* tell_of_runs() */
#ifndef WORD_BEFORE_COMMIT
	if
	:: awaited -> noted[n] = true; latch = true
	:: else
	fi
#endif
}

/* A transaction that makes the run that waits. */
proctype waiter()
{
	bool left0, left1;

	awaited = true;				/* wf_wakeup_runs_awaited() */
	/* wf_run_over_await(): its own rows it sees */
	atomic { left0 = there[0]; left1 = there[1] };
	atomic {
		made = true;
		wait[0] = left0;
		wait[1] = left1;
		state = (!left0 && !left1 -> READY : WAITS)
	};
	/* tell_of_runs() */
#ifndef FLAG_ONCE
	awaited = true;
#endif
#ifndef WAITER_SILENT
	noted[0] = true;
	noted[1] = true;
	latch = true
#endif
}

/* Somebody who has the run for a moment. */
proctype other()
{
	atomic { made && !locked -> locked = true };
	locked = false
}

/* wf_run_over_settle() with what has ended: n, or 2: all */
inline settle(n)
{
	if
	:: atomic { made && (wait[0] && !there[0] && n != 1 || wait[1] && !there[1] && n != 0) && !locked -> locked = true };
		pass(n, 2);
		atomic { passed() }
	:: atomic { made && (wait[0] && !there[0] && n != 1 || wait[1] && !there[1] && n != 0) && locked -> skip };
#ifndef LOCKED_FORGOTTEN
		later = true
#endif
	:: atomic { !(made && (wait[0] && !there[0] && n != 1 || wait[1] && !there[1] && n != 0)) -> skip }
	fi
}

proctype runtime()
{
	bool mine0, mine1, left0, left1, later, nobody;

	do
	:: atomic { latch -> latch = false };
		/* wf_ended_take() */
		atomic { mine0 = noted[0]; mine1 = noted[1]; noted[0] = false; noted[1] = false };
		if
		:: mine0 -> settle(0)
		:: else
		fi;
		if
		:: mine1 -> settle(1)
		:: else
		fi;
		atomic { mine0 = false; mine1 = false }
	:: atomic { later && !locked -> later = false };		/* LOCKED_PAUSE */
		settle(2)
	:: atomic { walks > 0 -> walks-- };
		/* walk_on() */
		nobody = !made || (!wait[0] && !wait[1]);
		settle(2);
		if
		:: nobody ->
			awaited = false;
#ifndef NO_SECOND_LOOK
			nobody = !made || (!wait[0] && !wait[1]);
			settle(2);
			if
			:: !nobody -> awaited = true
			:: else
			fi
#endif
		:: else
		fi;
		nobody = false
	:: atomic { timeout -> assert(state == READY); break }
	od
}

init
{
	atomic { run ender(0); run ender(1); run waiter(); run other(); run runtime() }
}
