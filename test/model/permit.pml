/*
 * permit.pml
 *	  Permits: never more runs under way than may be, and none is lost.
 *
 * Stands for src/shmem/permit.c: wf_permit_take(), _give(), _count_begin(), _count_end(),
 * settle(), begin_ending(), at_end_of_subtransaction(), wf_permit_compare_begin(), _end();
 * permit_counter.c: _ask(), _learn(), _give(), _land(), _compare(), make_room();
 * src/queue/run_permit.c: learn(); src/queue/permit_audit.c; and who takes runs: take() of
 * src/run/run_claim.c, whose permit is the run's from the commit on, and may() of
 * src/work/run_batch.c, whose permit is the transaction's.
 *
 * A counter with one permit. Run 0 is claimed and ended by a worker, in two transactions;
 * run 1 is atomic, taken and done in one; run 2 was claimed before the server was started,
 * so that the counter is not known at first. The claim of run 0 is rolled back once, to a savepoint or
 * altogether. Whoever finds no permit leaves word and waits to be told. The entry of the
 * counter may be evicted when nothing of it is taken, after which it is counted anew.
 * Meanwhile the runtime compares the counter with the tables: it has nothing to mend.
 *
 * Under way is a run from the moment its row is taken to the visible end of the
 * transaction that ends it. Left out: several counters, which are taken all or none under
 * one lock; rates and gaps, which only keep a permit for longer.
 */

// property safety
// property ltl all_end
// broken safety GIVEN_EARLY		the permit comes back before the end is visible
// broken safety NOT_TAKEN			a claim takes the row and no permit
// broken safety ENDING_UNSEEN		a count does not wait for transactions that are about to end
// broken safety CHANGES_UNSEEN		a count does not see that others have ended meanwhile
// broken safety COMPARED_LATE		what has changed since the look at the tables is compared with it
// broken safety FLYING_UNSEEN		what transactions have that go on is compared with the tables
// broken safety EVICTED_TAKEN		an entry goes of which something is taken
// broken safety KEPT_AT_ABORT		what a transaction has taken that is rolled back stays taken
// broken safety NO_WORD			who finds no permit leaves no word
// broken safety WORD_UNTOLD		who gives a permit back tells nobody

#define LIMIT	1

mtype = { THERE, CLAIMED, ENDED };

/* Rows, as they are visible; which are taken by transactions that are under way. */
mtype row[3] = THERE;
bool busy[3];

/* The counter. */
bool known = false;
byte taken = 0;
byte flying = 0;				/* of those, what the tables do not show yet */
bool waits[2];
byte ending = 0;
byte changes = 0;

/* Latches of those who wait. */
bool told[2];

byte rollbacks = 1, drops = 1, looks = 2;

#ifdef ENDING_UNSEEN
#define IS_QUIET	true
#else
#define IS_QUIET	(ending == 0)
#endif
#ifdef CHANGES_UNSEEN
#define IS_UNCHANGED	true
#else
#define IS_UNCHANGED	(changes == seen_changes)
#endif
#ifdef EVICTED_TAKEN
#define IS_UNUSED	true
#else
#define IS_UNUSED	(taken == 0)
#endif
#ifdef COMPARED_LATE
#define IS_STILL	true
#else
#define IS_STILL	(changes == seen_changes)
#endif
#ifdef FLYING_UNSEEN
#define FLYING		0
#else
#define FLYING		flying
#endif
#ifdef NOT_TAKEN
#define PERMITS		0
#else
#define PERMITS		1
#endif
#ifdef NO_WORD
#define LEAVES_WORD	false
#else
#define LEAVES_WORD	true
#endif

#define under_way	(busy[0] + busy[1] + busy[2])
#define running		((row[0] == CLAIMED) + (row[1] == CLAIMED) + (row[2] == CLAIMED))
#define all_ended	(row[0] == ENDED && row[1] == ENDED && row[2] == ENDED)

/* learn(): count what the tables show */
inline learn()
{
	do
	:: atomic { IS_QUIET -> seen_changes = changes };
		seen = running;
		atomic {
			if
			:: IS_QUIET && IS_UNCHANGED ->
				if
				:: !known -> known = true; taken = seen
				:: else
				fi;
				seen = 0; seen_changes = 0;
				break
			:: else -> seen = 0; seen_changes = 0
			fi
		}
	od
}

/* wf_permit_take() */
inline take(me)
{
	do
	:: !known -> learn()
	:: atomic { known && taken < LIMIT -> taken++; flying++; break }
	:: atomic { known && taken >= LIMIT -> waits[me] = LEAVES_WORD };
		atomic { told[me] -> told[me] = false }
	od
}

/* settle(): under the lock; then those who wait are told. lands: what was taken here */
inline give_back(lands, ends)
{
	atomic {
		if
		:: known -> assert(taken > 0); taken--
		:: else
		fi;
		flying = flying - lands;
		mine[0] = waits[0]; mine[1] = waits[1];
		waits[0] = false; waits[1] = false;
		ending = ending - ends;
		changes++
	};
#ifndef WORD_UNTOLD
	atomic { told[0] = told[0] || mine[0]; told[1] = told[1] || mine[1]; mine[0] = false; mine[1] = false }
#endif
}

/* complete() */
inline complete(n)
{
	ending++;
#ifdef GIVEN_EARLY
	give_back(0, 1);
	atomic { row[n] = ENDED; busy[n] = false }
#else
	atomic { row[n] = ENDED; busy[n] = false };
	give_back(0, 1)
#endif
}

proctype worker()
{
	byte seen, seen_changes;
	bool mine[2];

again:
#ifndef NOT_TAKEN
	take(0);
#endif
	/* the row, in a transaction that may be rolled back */
	atomic { busy[0] = true; assert(under_way <= LIMIT) };
	if
	:: atomic { rollbacks > 0 -> rollbacks-- };
		busy[0] = false;
#ifndef KEPT_AT_ABORT
		give_back(1, 0);
#else
		flying--;
#endif
		goto again
	:: true
	fi;
	/* commit: begin_ending(), visible, settle() */
	ending++;
	atomic { row[0] = CLAIMED };
	atomic { flying = flying - PERMITS; ending--; changes++ };

	complete(0)
}

/* One that has claimed before the server was started. */
proctype old_worker()
{
	bool mine[2];

	complete(2)
}

/* An executor: the permit is that of its transaction. */
proctype executor()
{
	byte seen, seen_changes;
	bool mine[2];

	take(1);
	atomic { busy[1] = true; assert(under_way <= LIMIT) };
	ending++;
	atomic { row[1] = ENDED; busy[1] = false };
	give_back(1, 1)
}

/* make_room(): a counter of which nothing is taken, and for which nobody waits */
proctype evict()
{
	do
	:: atomic { known && !waits[0] && !waits[1] && drops > 0 && IS_UNUSED -> drops--; known = false; taken = 0; changes++ }
	:: atomic { all_ended -> break }
	od
}

/* permit_audit.c: the counter is compared with what the tables show */
proctype audit()
{
	byte seen, seen_changes;

	do
	:: atomic { looks > 0 && known && ending == 0 -> looks--; seen_changes = changes };
		seen = running;
		atomic {
			if
			:: known && ending == 0 && IS_STILL -> assert(taken - FLYING == seen)
			:: else
			fi;
			seen = 0; seen_changes = 0
		}
	:: looks > 0 -> looks = 0
	:: looks == 0 -> break
	od
}

/* Nobody can go on: both have ended, and all permits are there. */
proctype monitor()
{
end:
	atomic { timeout -> assert(all_ended && (!known || taken == 0)) }
}

init
{
	atomic {
		row[2] = CLAIMED;
		busy[2] = true;
		run old_worker(); run worker(); run executor(); run evict(); run audit(); run monitor()
	}
}

ltl all_end { <> all_ended }
