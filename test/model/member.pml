/*
 * member.pml
 *	  Runtimes: registration, beats, death by silence, recovery, fencing.
 *
 * Stands for register_runtime(), heartbeat(), service_turn(), claim() by a runtime and
 * complete(): come_back(), begin_anew() of registration; terminate(), take_over(), decide(),
 * recover() of recovery, and which candidate is next; what shared memory has of a member:
 * its beat, `fenced` while somebody declares it dead, and its row, read again after each
 * change; what is told at the commit of a change.
 *
 * Application A is registered, epoch 1, and may end anywhere, or be cut off and come back
 * as a zombie. It is started anew under the same id, epoch 2, perhaps before it is missed.
 * B, another application, takes service turns and may end in the middle of a recovery. The
 * runtime process of the database is the third, and is always there. One run is claimed by
 * one of the As, or done by the database. There are no leases: recovery alone has to free it.
 *
 * Rows are locked; a transaction is visible when it commits, and then tells shared memory.
 * Somebody is silent for too long whenever the clock likes, also one that lives; but that
 * takes longer than from a commit to what it tells.
 */

// property safety
// property ltl ends TWO_RUNTIMES
// property ltl settled ONE_LIFE
// broken safety NOT_FENCED			who is about to be declared dead is heard still
// broken safety STALE_STORE		what was read is kept though a row has changed since
// broken safety SAME_EPOCH			a registration leaves the epoch of the one before
// broken safety EPOCH_UNLOCKED		a claim asks for the epoch in shared memory only, not at the locked row when it commits
// broken safety LEFT_BEHIND		one whose run was locked is dead all the same
// broken safety FENCE_UNASKED		complete() does not ask for the fence
// broken ltl settled FENCE_STAYS ONE_LIFE	a declaration that is rolled back leaves `fenced`
// broken ltl settled ONE_RESTORER ONE_LIFE	nobody goes on where one who recovers has died
// broken ltl settled UNRECOVERED ONE_LIFE	a silent one is declared dead, and recovered only by who may die

mtype = { ALIVE, DEAD, TERMINATED, RESTORE, WAITING, RUNNING, ENDED };

#define A			1
#define B			2
#define DATABASE	3

/* The row of A. */
mtype a_state = ALIVE;
byte a_epoch = 1, restorer = 0;
bool a_locked;

/* Does B live, as its row says? */
bool b_lives = true, b_gone;

/* The run. */
mtype run_state = WAITING;
byte run_fence = 0, run_epoch = 0;	/* of the A that has it */
bool run_locked;
byte claims = 0, ends = 0;

/* Shared memory: A's place. */
bool place = true, loaded = true, fenced, silent;
byte place_epoch = 1;
bool fresh[3];					/* the cluster has not changed since who loads has begun */

byte untold = 0;				/* commits of which shared memory is not told yet */
bool returned;					/* register_runtime() of epoch 2 has */
byte rollbacks = 1;

#ifdef STALE_STORE
#define IS_FRESH(who)	true
#else
#define IS_FRESH(who)	fresh[who]
#endif
#ifdef SAME_EPOCH
#define EPOCH(epoch)	1
#else
#define EPOCH(epoch)	(epoch)
#endif

#define a_lives		(a_state == ALIVE)

/* wf_member_told() */
inline told()
{
	atomic {
		fresh[0] = false; fresh[1] = false; fresh[2] = false;
		untold--;
		loaded = false;
		place = false;
		fenced = false
	}
}

/* wf_member_load(): a snapshot, kept if nothing has changed since */
inline load(who)
{
	/* generation, then a snapshot */
	atomic { fresh[who] = true; seen_epoch = (a_lives -> a_epoch : 0) };
	atomic {
		if
		:: IS_FRESH(who) ->
			silent = (place && seen_epoch -> silent : false);	/* a new place has beaten just now */
			fenced = fenced && place && seen_epoch == place_epoch;
			place = (seen_epoch != 0);
			place_epoch = seen_epoch;
			loaded = true
		:: else
		fi;
		fresh[who] = false;
		seen_epoch = 0
	}
}

/* wf_run_lost(), of the run if the A of the locked row has it: visible at the commit */
inline decide()
{
	atomic {
		takes = false;
		left_some = false;
		if
		:: run_state == RUNNING && run_epoch != 0 && !run_locked -> run_locked = true; takes = true
		:: run_state == RUNNING && run_epoch != 0 && run_locked -> left_some = true
		:: else
		fi
	}
}

inline decided()
{
	if
	:: takes -> run_state = WAITING; run_fence = 0; run_epoch = 0; run_locked = false
	:: else
	fi;
	takes = false
}

/* wf_recovery_turn() for A, by somebody; mortal: he may end in the middle */
inline recover(by, mortal, gone)
{
	if
#ifdef ONE_RESTORER
	:: atomic { (a_state == TERMINATED || (a_state == RESTORE && restorer == by)) && !a_locked -> a_locked = true };
#else
	:: atomic { (a_state == TERMINATED || (a_state == RESTORE && (restorer == by || !b_lives || restorer != B))) &&
			!a_locked -> a_locked = true };
#endif
		decide();
		if
		:: atomic { mortal -> run_locked = run_locked && !takes; takes = false; left_some = false; a_locked = false; gone = true }
		:: atomic {
			true ->
			decided();
#ifndef LEFT_BEHIND
			if
			:: left_some -> a_state = RESTORE; restorer = by
			:: else ->
#endif
				/* nothing of what it had is left */
				assert(!(run_state == RUNNING && run_epoch != 0));
				a_state = DEAD; restorer = 0
#ifndef LEFT_BEHIND
			fi
#endif
			;
			left_some = false;
			untold++;
			a_locked = false };
			told()
		fi
	:: else
	fi
}

/* terminate(), of a runtime that has said nothing for too long */
inline terminate()
{
	if
	:: atomic { silent && place && loaded && !a_locked && a_lives && a_epoch == place_epoch && !fenced ->
			a_locked = true;
#ifndef NOT_FENCED
			fenced = true
#endif
		};
		if
		:: atomic { rollbacks > 0 -> rollbacks--; a_locked = false;
#ifndef FENCE_STAYS
			fenced = false
#endif
		   }
		:: atomic {
			true ->
			/* it has not been told meanwhile that it lives */
			assert(silent);
			a_state = TERMINATED;
			untold++;
			a_locked = false };
			told()
		fi
	:: else
	fi
}

proctype application(byte epoch)
{
	byte my_fence, seen_epoch;
	bool takes, left_some, heard;

	if
	:: epoch == 1 -> goto begun
	:: else
	fi;

	/* register_runtime(), until it is not told to come again */
	atomic { !a_locked && (a_state == DEAD || a_state == TERMINATED || (a_lives && silent)) -> a_locked = true };
	if
	:: a_lives -> fenced = (place && place_epoch == a_epoch -> true : fenced)
	:: else
	fi;
	decide();
	/* what is locked stays with who has it; its fence says so */
	atomic {
		decided();
		left_some = false;
		a_state = ALIVE;
#ifndef SAME_EPOCH
		a_epoch = 2;
#endif
		restorer = 0;
		untold++;
		a_locked = false
	};
	told();
	returned = true;

begun:
	do
	:: run_state == ENDED -> break
	:: epoch == 1 -> goto gone		/* killed */
	:: run_state != ENDED ->
		/* heartbeat() */
		if
		:: loaded
		:: !loaded -> load(epoch)
		fi;
		atomic {
			heard = loaded && place && !fenced && place_epoch == EPOCH(epoch);
			silent = silent && !heard;
			assert(!(heard && epoch == 1 && returned))
		};
		if
		:: atomic { !heard && loaded -> goto gone }		/* its epoch is over */
		:: atomic { heard || !loaded -> heard = false }
		fi;

		/* claim() */
		if
		:: atomic { my_fence == 0 && run_state == WAITING && !run_locked -> run_locked = true };
			heard = loaded && place && !fenced && place_epoch == EPOCH(epoch);
#ifndef EPOCH_UNLOCKED
			/* where the transaction ends; who has the row of A does not wait for runs */
			atomic { !a_locked -> a_locked = true };
			heard = heard && a_lives && a_epoch == EPOCH(epoch);
#endif
			atomic {
				if
				:: heard && run_state == WAITING ->
					claims++;
					my_fence = claims;
					run_fence = claims;
					run_epoch = epoch;
					run_state = RUNNING;
					/* nobody has claimed it who was declared dead, or has a successor */
					assert(a_lives && (epoch == 2 || !returned))
				:: else
				fi;
#ifndef EPOCH_UNLOCKED
				a_locked = false;
#endif
				heard = false;
				run_locked = false
			}
		:: else
		fi;

		/* complete() */
		if
		:: my_fence != 0 ->
			atomic { !run_locked -> run_locked = true };
			atomic {
				if
#ifdef FENCE_UNASKED
				:: run_state == RUNNING ->
#else
				:: run_state == RUNNING && run_fence == my_fence ->
#endif
					assert(run_epoch == epoch);
					run_state = ENDED;
					ends++;
					assert(ends == 1)
				:: else
				fi;
				my_fence = 0;
				run_locked = false
			}
		:: else
		fi
	od;
gone:
	skip
}

/* B: service turns. */
proctype other()
{
	bool takes, left_some;

	do
	:: !b_gone -> recover(B, true, b_gone)
	:: b_gone = true
	:: b_gone -> break
	od
}

/* The runtime process of the database, which has an executor. */
proctype database()
{
	byte seen_epoch;
	bool takes, left_some, gone;

	do
	:: true ->
		if
		:: !loaded -> load(0)
		:: loaded
		fi;
		terminate();
#ifndef UNRECOVERED
		recover(DATABASE, false, gone);
#endif
		atomic { b_lives = b_lives && !b_gone };	/* it was silent for too long */
		atomic {
			if
			:: run_state == WAITING && !run_locked -> run_state = ENDED; ends++; assert(ends == 1)
			:: else
			fi
		}
	od
}

proctype clock()
{
	do
	:: atomic { !silent && place && untold == 0 -> silent = true }
	od
}

init
{
	atomic {
		run application(1); run database(); run clock();
#ifndef TWO_RUNTIMES
		run other();
#endif
#ifndef ONE_LIFE
		if
		:: run application(2)
		:: true
		fi
#endif
	}
}

ltl ends { <> (run_state == ENDED) }
ltl settled { <> [] (a_state == DEAD && run_state == ENDED) }
