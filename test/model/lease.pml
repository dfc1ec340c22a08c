/*
 * lease.pml
 *	  Leases and fences of outside workers: only who has the run ends it, and it ends.
 *
 * Stands for src/run/run_claim.c: take(), give(); run_fence.c: wf_run_fence_claim(),
 * _lease(), _clear(), _is(); run_worker.c: wf_run_worker_hold(), _complete(), _extend(),
 * _release(); run_lease.c: wf_run_lease_end(), take_away(); run_lost.c: wf_run_lost();
 * run_cancel.c: wf_run_cancel_running(); shmem/database_runs.c: wf_database_runs_lease(),
 * wf_database_runs_leases_looked_for(). A tracked run is the same with an executor for
 * a worker and its slot for a lease (run_lost.c: wf_run_lost_recover()).
 *
 * One run. Each transaction locks its row, reads it again, and is visible when it
 * commits, which is when it lets the lock go. Before that it has found the row without
 * a lock, as it was then. One of two workers may stop anywhere and never come back, or
 * come back late. The lease of a run is over whenever the clock likes.
 *
 * A fence is random: here it is the number of the claim. That two claims have the same
 * is left out (it is one in 2^53), and so is the restart of the server, which gives
 * leases their full length again.
 */

// property safety
// property ltl ends
// broken safety NOT_ASKED_AGAIN	the fence is asked for before the row is locked, and not again
// broken safety SAME_FENCE			a claim leaves the fence of the one before
// broken safety LEASE_NOT_READ		who takes a run away does not read its lease again under the lock
// broken safety STATE_NOT_READ		a claim does not read the state of the run again under the lock
// broken safety CANCEL_FORGOTTEN	the end does not read whether the run was to stop
// broken ltl ends NOBODY_LOOKS		nobody takes a run away whose lease is over
// broken ltl ends LOOKED_FOR_LATE	the first lease is forgotten after it was looked for, not before
// broken ltl ends LEASE_UNTOLD		a claim does not tell when its lease ends
// broken ltl ends ENDLESS_LOSSES	a run may be lost any number of times

#define LOSSES_MAX	3			/* MOST_LOSSES */
#define WORKERS		2

mtype = { WAITING, RUNNING, ABORTING, FINISHED, FAILED, ABORTED };

/* The row, and who has locked it. */
mtype state = WAITING;
byte fence = 0;					/* of the claim; 0: none */
byte losses = 0;
bool leased, lease_over;
bool locked;

byte claims = 0;				/* how many there were */
byte has[WORKERS];				/* the claim that a worker believes to have */
byte ends = 0;
byte words = 1;					/* that a worker says before the end */

/* Shared memory: when the first lease ends is known. */
bool told;

#define is_over(state)	(state == FINISHED || state == FAILED || state == ABORTED)
#define is_claimed		(state == RUNNING || state == ABORTING)

inline lock()
{
	atomic { !locked -> locked = true }
}

/* wf_run_fence_clear(): it waits again */
inline give_back()
{
	state = WAITING;
	fence = 0;
	leased = false;
	lease_over = false
}

/* wf_run_lost() */
inline lost()
{
#ifndef ENDLESS_LOSSES
	losses++;
#endif
	if
	:: state == ABORTING -> state = ABORTED; leased = false; ends++
	:: state != ABORTING && losses >= LOSSES_MAX -> state = FAILED; leased = false; ends++
	:: else -> give_back()
	fi
}

/* wf_run_worker_hold(): with the lock, if the fence is the run's; else it goes to lost_it */
inline hold()
{
	if
	:: atomic { !(is_claimed && fence == my_fence) -> goto lost_it }
	:: atomic { is_claimed && fence == my_fence -> skip }
	fi;
	lock();
#ifndef NOT_ASKED_AGAIN
	if
	:: atomic { !(is_claimed && fence == my_fence) -> locked = false; goto lost_it }
	:: atomic { is_claimed && fence == my_fence -> skip }
	fi
#endif
}

proctype worker(byte me; bool mortal)
{
	byte my_fence;

claim:
	/* the run is found; its lock is not waited for */
	atomic { state == WAITING || is_over(state) };
	if
	:: is_over(state) -> goto gone
	:: else
	fi;
	if
	:: atomic { !locked -> locked = true }
	:: atomic { locked -> goto claim }
	fi;
#ifndef STATE_NOT_READ
	if
	:: atomic { state != WAITING -> locked = false; goto claim }
	:: atomic { state == WAITING -> skip }
	fi;
#endif
	atomic {
		/* nobody has a run that is claimed */
		assert(!is_claimed);
		claims = (claims < 200 -> claims + 1 : claims);
#ifdef SAME_FENCE
		fence = 1;
#else
		fence = claims;
#endif
		my_fence = fence;
		has[me] = claims;
		state = RUNNING;
		leased = true;
		lease_over = false;
		locked = false
	};
#ifndef LEASE_UNTOLD
	told = true;				/* after the commit */
#endif

work:
	if
	:: mortal -> goto gone		/* without a word */
	:: true -> skip				/* complete() */
	:: atomic { words > 0 -> words-- };
		hold();
		atomic { lease_over = false; locked = false };
		told = true;
		goto work
	:: atomic { words > 0 -> words-- };
		hold();
		atomic { losses = 0; give_back(); locked = false };
		goto lost_it
	fi;
	hold();
	atomic {
		/* who ends it is who claimed it last, and nobody took it away */
		assert(is_claimed && has[me] == claims);
		if
#ifndef CANCEL_FORGOTTEN
		:: state == ABORTING -> state = ABORTED
#endif
		:: else -> assert(state == RUNNING); state = FINISHED
		fi;
		ends++;
		assert(ends == 1);
		leased = false;
		locked = false
	};
lost_it:
	atomic { has[me] = 0; my_fence = 0; goto claim };
gone:
	skip
}

/* The runtime: wf_run_lease_end() when the first lease ends that it knows of. */
proctype runtime()
{
	bool next;

#ifndef NOBODY_LOOKS
	do
	:: told && lease_over ->
#ifndef LOOKED_FOR_LATE
		told = false;
#endif
		/* over_statement: as it is seen without a lock */
		if
		:: leased && lease_over ->
			if
			:: atomic { !locked -> locked = true };
				atomic {
					if
#ifndef LEASE_NOT_READ
					:: !leased || !lease_over
#endif
					:: else ->
						assert(is_claimed && lease_over);
						lost();
						assert(ends <= 1)
					fi;
					locked = false
				}
			:: atomic { locked -> told = true }		/* LOCKED_PAUSE */
			fi
		:: else
		fi;
		next = leased;				/* next_end() */
#ifdef LOOKED_FOR_LATE
		told = false;
#endif
		atomic { told = told || next; next = false }
	:: is_over(state) -> break
	od
#endif
}

proctype clock()
{
	do
	:: atomic { leased && !lease_over -> lease_over = true }
	:: is_over(state) -> break
	od
}

/* cancel_run() waits for the lock. */
proctype canceller()
{
	lock();
	atomic {
		if
		:: is_claimed -> state = ABORTING
		:: state == WAITING -> state = ABORTED; ends++
		:: else
		fi;
		locked = false
	}
}

init
{
	atomic {
		run worker(0, true); run worker(1, false); run runtime(); run clock();
		if
		:: run canceller()
		:: true
		fi
	}
}

ltl ends { <> is_over(state) }
