/*
 * placed.pml
 *	  Placed runs: who may do one is told, whatever comes first.
 *
 * Stands for src/shmem/placed.c; src/shmem/wakeup_runs.c: tell_members(); src/shmem/member_change.c:
 * place_anew(); src/cluster/member_load.c: wf_member_load_if_changed(); src/queue/placement.c:
 * wf_placement_is_for(); src/run/run_placed.c; src/work/run_batch.c: claim_due(), with
 * wf_watermark_looked(); src/api/api_queue.c: note_placement().
 *
 * A transaction makes a run of a queue; one places that, {runtime:M,local}; one has M live, and
 * the next one ends it. Then the server that holds the database does what M has not. Who looks
 * reads the generation of its mark, then who lives, then, with a snapshot, where the queue is
 * placed and whether there is a run, and takes it if it is for it. Both sleep until they are told.
 *
 * Leaves out that runs are locked, and what M had when it ended (member.pml); how executors share
 * a lane (wake.pml).
 */

// property safety
// broken safety LISTED_LATE	a queue is in the list only when its placement has been told
// broken safety LIST_READ_EARLY	who makes a run asks the list before the run is visible
// broken safety NO_GENERATION	a mark is raised whatever has come meanwhile
// broken safety GENERATION_LATE	who looks reads the generation behind the snapshot
// broken safety MEMBERS_SILENT	who changes members has nobody look
// broken safety TOLD_BEFORE_LOAD	who changes members has all look before what is known of them is out of date
// broken safety PLACED_SILENT	who places a queue does not have the member look

#define LOCAL	0
#define MEMBER	1

/* What is visible. */
bool made, taken;
bool placed;
bool lives;						/* the row of M */

/* Shared memory. */
bool listed;
bool known_lives, loaded = true;
bool due[2];					/* the mark of the lane, and that of M */
bool moved[2];					/* the generation, since it was read */
bool latch[2];

inline lower(who)
{
	atomic { due[who] = true; moved[who] = true };
	latch[who] = true
}

/* A transaction that makes a run. */
proctype maker()
{
	bool is_listed;

#ifdef LIST_READ_EARLY
	is_listed = listed;
#endif
	made = true;				/* commit */
	lower(LOCAL);
#ifndef LIST_READ_EARLY
	is_listed = listed;
#endif
	if
	:: is_listed -> lower(MEMBER)
	:: else
	fi
}

/* alter_queue() */
proctype placer()
{
#ifndef LISTED_LATE
	listed = true;
#endif
	placed = true;				/* commit */
	lower(LOCAL);
#ifndef PLACED_SILENT
	lower(MEMBER);
#endif
	listed = true
}

/* A transaction that has M live, or end, commits. */
inline change(to)
{
	lives = to;
#ifdef TOLD_BEFORE_LOAD
	lower(LOCAL);
	lower(MEMBER);
#endif
	loaded = false;
#ifndef TOLD_BEFORE_LOAD
#ifndef MEMBERS_SILENT
	lower(LOCAL);
	lower(MEMBER)
#endif
#endif
}

/* The last one is that M ends, or it never does. */
proctype life()
{
	change(true);
	if
	:: change(false)
	:: skip
	fi
}

/* An executor, or a session of M: it looks when it is told. */
proctype looker(bit who)
{
	bool is_placed, seen;

	do
	:: atomic { latch[who] -> latch[who] = false };
		if
		:: due[who] ->
#ifndef GENERATION_LATE
			moved[who] = false;
#endif
			/* what changes while it is read is read again: member.pml */
			atomic {
				if
				:: !loaded -> known_lives = lives; loaded = true
				:: else
				fi
			};
			atomic { is_placed = placed; seen = made && !taken };
#ifdef GENERATION_LATE
			moved[who] = false;
#endif
			atomic {
				if
				:: seen && (who == MEMBER) == (is_placed && known_lives) -> taken = true
				:: else
				fi;
				is_placed = false;
				seen = false
			};
			atomic {
				if
#ifdef NO_GENERATION
				:: true -> due[who] = false
#else
				:: !moved[who] -> due[who] = false
				:: else -> latch[who] = true
#endif
				fi
			}
		:: else
		fi
	:: atomic { timeout -> assert(taken); break }
	od
}

init
{
	atomic { run maker(); run placer(); run life(); run looker(LOCAL); run looker(MEMBER) }
}
