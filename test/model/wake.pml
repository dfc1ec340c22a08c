/*
 * wake.pml
 *	  Claim, mark and wake-up: no event is stranded, and none is done twice.
 *
 * Stands for src/shmem/watermark.c: wf_watermark_lower(), _publish(), _looked(),
 * _news(), _call(), _left_behind(), _wake_other(); the loop of src/work/executor.c:
 * worth_a_look(), drain(), sleep_until(); src/work/work.c: run_transaction() and what
 * wf_work_batch() does after an error; src/store/timer_claim.c: find_due() and
 * take_timers(); src/bgworker/pool.c: wf_pool_demand(), _take(), _attach(),
 * _release(). Runs go the same way.
 *
 * An event is its position: 0 and 1 are due, 2 will be when the clock moves. The
 * step of event 0 makes event 2. Events 0 and 1 are of one process, whose row is
 * what is locked. A claim takes one event, so that batches are full.
 *
 * Numbers that only grow are bits here, one for each who compares: moved[i], the
 * generation is not the one that executor i has read; called[i], the same of calls;
 * news, looked is not the generation.
 *
 * Left out: cursor and head, hints where a claim begins that is followed by one from
 * the mark if it finds nothing; the sentry; and nearly all that would find an event
 * whose wake was lost (sweeps, walks). What an executor finds locked it looks at again
 * after a while (skip_delay, held.c), and a pause after an error ends: these are the
 * waits that end by themselves.
 */

// property safety
// property safety ONE_EXECUTOR
// property progress
// broken safety TOLD_TOO_EARLY		the mark is lowered and the latch set before the event is visible
// broken safety RESET_TOO_LATE		the latch is reset before it is waited for, not before the look
// broken safety SNAPSHOT_TOO_EARLY	the snapshot is taken before mark and generation are read
// broken safety ADVANCED_ALWAYS	the mark is advanced though the generation has moved
// broken safety MARK_ONLY			who makes an event lowers the mark and sets no latch
// broken safety LEAVES_SILENTLY	who leaves sets no latch
// broken safety LEAVES_UNCALLED	who leaves does not call the others
// broken safety NOT_TAKEN			a claim does not look whether the timer is there still

#ifdef ONE_EXECUTOR
#define EXECUTORS	1
#else
#define EXECUTORS	2
#endif

#define EVENTS		3
#define ALL			((1 << EVENTS) - 1)
#define NOTHING		EVENTS		/* as a mark: infinity */
#define NOBODY		2			/* as an executor, or as who holds a lock */

#define process_of(event)	((event) / 2)
#define is_due(event)		((event) < 2 || ((event) == 2 && later))	/* not NOTHING */

mtype = { FREE, STARTING, BUSY, IDLE, PAUSED };

/* Committed rows of timer, a bit each; who has locked the processes; what was done. */
byte rows = 0;
byte holder[2] = NOBODY;
byte done = 0;

/* The lane. */
byte mark = NOTHING;
bool news, moved[EXECUTORS], called[EXECUTORS];

/* Slots and latches. */
mtype state[EXECUTORS];
bool latch[EXECUTORS], runtime_latch;

/* The world. */
bool later = false;				/* event 2 is due */
#ifdef ONE_EXECUTOR
byte troubles = 2;				/* steps that fail, executors that leave or are killed */
#else
byte troubles = 1;
#endif

#define set_all(flags)	flags[0] = true; flags[EXECUTORS - 1] = true

/* Slot i, as it is looked at without a lock */
#define look_at(i) \
	if \
	:: idle != NOBODY || i == me || state[i] == FREE \
	:: idle == NOBODY && i != me && state[i] == IDLE -> idle = i \
	:: idle == NOBODY && i != me && state[i] == STARTING -> attended = true \
	:: idle == NOBODY && i != me && (state[i] == BUSY || state[i] == PAUSED) -> attended = true; busy = busy | (1 << i) \
	fi

/* wf_watermark_wake_other(); me: NOBODY, or an executor of the lane */
inline wake_other(me)
{
	atomic { idle = NOBODY; busy = 0; attended = (me != NOBODY); look_at(0) };
#ifndef ONE_EXECUTOR
	atomic { look_at(1) };
#endif
	atomic {
		if
		:: idle != NOBODY -> latch[idle] = true
		:: else ->
			latch[0] = latch[0] || (busy & 1);
			latch[EXECUTORS - 1] = latch[EXECUTORS - 1] || (busy & 2);
			runtime_latch = runtime_latch || !attended
		fi;
		idle = 0; busy = 0; attended = false
	}
}

/* wf_watermark_lower(); the rows are visible */
inline lower(event)
{
	atomic {
		wake = event < mark || is_due(mark);
		mark = (event < mark -> event : mark);
		news = true;
		set_all(moved)
	};
#ifndef MARK_ONLY
	if
	:: atomic { wake -> wake = false }; wake_other(NOBODY)
	:: else
	fi
#endif
}

/* A transaction that makes an event. */
proctype session(byte event)
{
	byte idle, busy;
	bool attended, wake;

#ifdef TOLD_TOO_EARLY
	lower(event);
	rows = rows | (1 << event)
#else
	rows = rows | (1 << event);
	lower(event)
#endif
}

inline unlock(me)
{
	holder[0] = (holder[0] == me -> NOBODY : holder[0]);
	holder[1] = (holder[1] == me -> NOBODY : holder[1])
}

/* find_due(), take_timers(): the first event that is due and free, of the snapshot */
inline claim_one(me)
{
	claimed = NOTHING;
	next = NOTHING;
	do
	:: event < EVENTS && is_due(event) && claimed == NOTHING ->
		if
		:: !(snapshot & (1 << event))
		:: (snapshot & (1 << event)) && holder[process_of(event)] != NOBODY ->
			next = (next == NOTHING -> event : next)	/* it is skipped */
		:: (snapshot & (1 << event)) && holder[process_of(event)] == NOBODY ->
#ifdef NOT_TAKEN
			holder[process_of(event)] = me;
			claimed = event
#else
			if
			:: rows & (1 << event) ->
				holder[process_of(event)] = me;
				claimed = event
			:: else				/* another one has done it meanwhile */
			fi
#endif
		fi;
		event++
	:: else -> break
	od
}

/* wf_watermark_looked(), if it has seen all; first_left() */
inline look_behind(me)
{
	news = news && (moved[me] || claimed != NOTHING);
	do
	:: event < EVENTS && next == NOTHING ->
		next = (snapshot & (1 << event) -> event : NOTHING);
		event++
	:: else -> break
	od;
	event = 0;
	snapshot = 0
}

inline commit(me)
{
	atomic {
		inserted = NOTHING;
		if
		:: claimed != NOTHING ->
			assert(!(done & (1 << claimed)));
			done = done | (1 << claimed);
			rows = rows & ~(1 << claimed);
			inserted = (claimed == 0 -> 2 : NOTHING);
			rows = (claimed == 0 -> rows | (1 << 2) : rows)
		:: else
		fi;
		unlock(me)
	}
}

/* wf_watermark_publish() */
inline publish(me)
{
	atomic {
		next = (inserted < next -> inserted : next);
#ifdef ADVANCED_ALWAYS
		mark = next;
#else
		mark = (moved[me] -> (inserted < mark -> inserted : mark) : next);
#endif
		if
		:: inserted != NOTHING ->
			set_all(moved)		/* news stays: it is looked for, as was what came before or not */
		:: else
		fi;
		more = (claimed != NOTHING && is_due(next));
		claimed = NOTHING; inserted = NOTHING
	}
}

proctype executor(byte me)
{
	byte snapshot, claimed = NOTHING, next = NOTHING, event, inserted, idle, busy;
	bool attended, come, more;

	if
	:: state[me] == IDLE -> goto endsleep
	:: else
	fi;

end:
	/* a runtime has taken the slot: wf_pool_attach() */
	atomic { state[me] == STARTING -> latch[me] = false; come = true };

again:
#ifndef RESET_TOO_LATE
	latch[me] = false;
#endif
	/* worth_a_look() */
	if
	:: atomic { !come && !is_due(next) && !news && !called[me] -> goto sleep }
	:: atomic { come || is_due(next) || news || called[me] -> come = false }
	fi;

drain:
	atomic { state[me] = BUSY; called[me] = false };
#ifdef SNAPSHOT_TOO_EARLY
	snapshot = rows;
	atomic { event = mark; moved[me] = false };
#else
	atomic { event = mark; moved[me] = false };
	snapshot = rows;
#endif
	atomic { claim_one(me); look_behind(me) };

	if
	:: atomic { claimed != NOTHING && troubles > 0 -> troubles--; claimed = NOTHING; unlock(me) };
		/* wf_work_batch(): an error */
		set_all(called);
		if
		:: goto drain_more		/* it is tried again at once, */
		:: true					/* or later, whoever calls: WF_WORK_PAUSE */
		fi;
		wake_other(me);
		state[me] = PAUSED;
		do
		:: latch[me] -> latch[me] = false
		:: goto drain
		od
	:: atomic { claimed != NOTHING && troubles > 0 -> troubles--; claimed = NOTHING; unlock(me); goto leave }
	:: commit(me)
	fi;
	publish(me);
	if
	:: !more -> goto sleep
	:: else
	fi;

drain_more:
	latch[me] = false;
	goto drain;

sleep:
	if
	:: atomic { troubles > 0 -> troubles--; goto leave }
	:: state[me] = IDLE
	fi;
#ifdef RESET_TOO_LATE
	latch[me] = false;
#endif
endsleep:
	/* what is due by now was locked: it is looked at again after a while */
	if
	:: atomic { latch[me] -> come = false }
	:: atomic { is_due(next) -> come = true }
progress:	skip
	fi;
	goto again;

leave:
	/* wf_pool_release() */
#ifndef LEAVES_UNCALLED
	set_all(called);
#endif
	atomic { state[me] = FREE; latch[me] = false; next = NOTHING; come = false; event = 0; snapshot = 0 };
#ifndef LEAVES_SILENTLY
	wake_other(NOBODY);
	runtime_latch = true;
#endif
	goto end
}

/* wf_pool_demand(), _take(): an executor for a lane that has none and whose mark is due. */
proctype runtime()
{
	byte until;

	do
	:: runtime_latch = false;
		atomic {
			until = NOTHING;
			if
			:: mark < NOTHING && state[0] == FREE && state[EXECUTORS - 1] == FREE ->
				if
				:: is_due(mark) -> state[0] = STARTING
				:: else -> until = mark
				fi
			:: else
			fi
		};
end:	(runtime_latch || is_due(until))
	od
}

proctype clock()
{
	later = true
}

/* Nobody can go on: then all is done. */
proctype monitor()
{
end:
	atomic { timeout -> assert(done == ALL) }
}

init
{
	atomic {
#ifdef ONE_EXECUTOR
		state[0] = FREE;
		run clock();
#else
		state[0] = IDLE;
		state[1] = IDLE;
		later = true;
		run executor(1);
#endif
		run executor(0);
		run session(0); run session(1); run runtime(); run monitor()
	}
}
