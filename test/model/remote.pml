/*
 * remote.pml
 *	  Another instance as a runtime: link, courier and the server they work for.
 *
 * Stands for src/remote/link_process.c: work(), beat(), renew(), look_at_silence(),
 * look_after_courier(); courier.c: look_at_epoch(), claim(), receive(), tell(), doubt(); crew.c:
 * wf_crew_give_up(); placed_call.c: keep_result(); store/outcome.c; what they ask of the server:
 * come_back(), wf_registration_end() of src/cluster/registration.c, wf_member_beat(),
 * wf_run_placed_claim() with `known`, wf_run_worker_complete(), wf_run_claimed_lose_orphans().
 *
 * One run is placed on the instance. Each question may not arrive, or its answer may be lost,
 * FAULTS times in all; and as often together with that the server is silent or supposes that the
 * instance is dead, the courier ends, or the server crashes and has lost that it was told of the
 * end: it does not wait for its disk, or was promoted, or restored. Somebody may have the row of
 * the run locked for a while. Epochs and fences are numbers that grow.
 *
 * NO_LOSS: the server forgets nothing, and no answer to a claim is lost. There the rest of it has
 * to do without the word which runs the instance has.
 *
 * Leaves out who may claim (member.pml), several runs and executors, and standbys.
 */

// property safety
// property ltl ends
// property ltl ends NEVER_IN_DOUBT NO_LOSS
// broken safety TWICE				a run that was done before is done again when it is claimed anew
// broken ltl ends NEVER_IN_DOUBT	the server is not told which runs the instance has
// broken ltl ends DOUBTS_ONCE		it is told so for each life once, and not on each connection
// broken ltl ends GIVEN_UP_LIVES NEVER_IN_DOUBT NO_LOSS	an epoch that was given up for silence goes on when it lives
// broken ltl ends END_IS_TROUBLE	an epoch that is to be ended and is over is asked to end again
// broken ltl ends UNTOLD_ONCE NEVER_IN_DOUBT NO_LOSS	an outcome whose answer was lost is not told again
// broken ltl ends OF_THE_DEAD		what was locked while its life ended is taken away only from who is dead
// broken ltl ends NOT_RENEWED NEVER_IN_DOUBT NO_LOSS	a courier that follows on another one goes on in its life

#ifndef FAULTS
#define FAULTS 2
#endif

mtype = { WAITING, RUNNING, ENDED };

/* The server: the run, and the life of the instance as its row says. */
mtype state = WAITING;
byte fence = 0, run_epoch = 0;
bool locked;
byte alive = 0;					/* its epoch; 0: it is dead */
byte lives = 0, claims = 0;
bool told_lately;				/* of the end; a crash may lose that */

/* The instance: the link. */
byte epoch = 0, given_up = 0;
byte membership = 0;			/* the epoch by which the courier may claim */
byte renew = 0;					/* the epoch that is to be ended */

/* The courier, and its executor; the table of outcomes. */
byte my_epoch = 0, has = 0;
bool doubt = true;
bool connected = true;
byte kept = 0;					/* fence of the outcome */
bool told;
byte done = 0;

byte faults = FAULTS;

#define fault	(faults > 0)

/* What becomes of what an instance has whose life is over. */
inline take_back()
{
	if
	:: state == RUNNING && !locked -> state = WAITING; fence = 0; run_epoch = 0
	:: else						/* wf_run_claimed_lose_orphans() */
	fi
}

/* A question: does it arrive, and the answer to it? */
inline way()
{
	arrives = true; answered = true;
	if
	:: true
	:: fault -> faults--; answered = false
	:: fault -> faults--; arrives = false; answered = false
	fi
}

proctype link()
{
	bool arrives, answered, ok;

end:	do
	/* register_runtime() */
	:: atomic { epoch == 0 ->
			way();
			if
			:: arrives -> lives++; alive = lives; take_back()
			:: else
			fi;
			if
			:: answered -> epoch = alive
			:: else
			fi;
			arrives = false; answered = false
		}
	/* beat() */
	:: atomic { epoch != 0 && renew != epoch && epoch != given_up && (membership != epoch || epoch != alive) ->
			way();
			ok = (alive == epoch);
			if
			:: answered && ok -> membership = epoch
			:: answered && !ok -> epoch = 0; membership = 0
			:: else
			fi;
			ok = false; arrives = false; answered = false
		}
	/* the same of an epoch that was given up, and shutdown_runtime() */
	:: atomic { epoch != 0 && (renew == epoch || epoch == given_up) ->
			way();
			ok = (alive == epoch);
#ifdef GIVEN_UP_LIVES
			if
			:: renew != epoch && ok && answered -> membership = epoch; given_up = 0; ok = false; answered = false; arrives = false
			:: else
			fi;
#endif
			if
			:: arrives && ok -> alive = 0; take_back()
			:: else
			fi;
			if
#ifdef END_IS_TROUBLE
			:: answered && (ok || renew != epoch) -> epoch = 0; membership = 0
#else
			:: answered -> epoch = 0; membership = 0
#endif
			:: else -> skip
			fi;
			ok = false; arrives = false; answered = false
		}
	/* look_at_silence() */
	:: atomic { fault && epoch != 0 && membership == epoch -> faults--; given_up = epoch; membership = 0 }
	od
}

proctype courier()
{
	bool arrives, answered;

end:	do
	/* look_at_epoch() */
	:: atomic { my_epoch != membership ->
			my_epoch = membership; has = 0; doubt = true; connected = true }
	/* another connection */
	:: atomic { !connected -> connected = true;
#ifndef DOUBTS_ONCE
			doubt = true
#endif
		}
	/* claim_placed() */
	:: atomic { my_epoch != 0 && my_epoch == membership && connected && has == 0 && (kept == 0 || told) &&
			(state == WAITING || doubt) ->
			way();
#ifdef NO_LOSS
			answered = arrives;
#endif
			if
			:: arrives && alive == my_epoch && !locked && (state == WAITING
#ifndef NEVER_IN_DOUBT
				|| (state == RUNNING && run_epoch == my_epoch && doubt)
#endif
				) ->
				claims++; state = RUNNING; fence = claims; run_epoch = my_epoch;
				if
				:: !answered
#ifdef TWICE
				:: answered -> has = fence
#else
				:: answered && kept != 0 -> kept = fence; told = false
				:: answered && kept == 0 -> has = fence
#endif
				fi
			:: else
			fi;
			connected = connected && answered;
			/* what is locked just now is asked for again: AGREE_PAUSE */
			doubt = !answered || (locked && state == RUNNING);
			arrives = false; answered = false
		}
	/* the executor's transaction */
	:: atomic { has != 0 -> kept = has; told = false; done++; assert(done == 1); has = 0 }
	/* complete() */
	:: atomic { kept != 0 && !told && my_epoch != 0 && connected && !locked ->
			way();
			if
			:: arrives && state == RUNNING && fence == kept -> state = ENDED; told_lately = true
			:: else
			fi;
#ifdef UNTOLD_ONCE
			told = true;
#else
			told = answered;
#endif
			connected = connected && answered;
			arrives = false; answered = false
		}
	/* it ends, and so does what it has not kept */
	:: atomic { fault && my_epoch != 0 -> faults--;
			has = 0;
#ifndef NOT_RENEWED
			renew = my_epoch;
			my_epoch = 0;
#endif
			connected = true; doubt = true }
	od
}

/* The server, whatever is asked. */
proctype server()
{
end:	do
	/* silence */
	:: atomic { fault && alive != 0 -> faults--; alive = 0; take_back() }
	/* a crash */
#ifndef NO_LOSS
	:: atomic { fault -> faults--;
			connected = false;
			if
			:: told_lately -> state = RUNNING; told_lately = false
			:: else
			fi }
#endif
	od
}

/* wf_run_claimed_lose_orphans(), in each sweep */
proctype sweep()
{
end:	do
#ifdef OF_THE_DEAD
	:: atomic { state == RUNNING && alive == 0 && !locked -> state = WAITING; fence = 0; run_epoch = 0 }
#else
	:: atomic { state == RUNNING && run_epoch != alive && !locked -> state = WAITING; fence = 0; run_epoch = 0 }
#endif
	od
}

/* A run that is stuck is no end. */
proctype time()
{
	bool ticks;

	do
	:: ticks = !ticks
	od
}

/* Somebody has the row locked, once: a transaction of a client that is rolled back. */
proctype client()
{
	atomic { !locked && state != ENDED -> locked = true };
	locked = false
}

init
{
	atomic { run link(); run courier(); run server(); run sweep(); run client(); run time() }
}

ltl ends { <> [] (state == ENDED) }
