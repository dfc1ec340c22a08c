/*
 * turn.pml
 *	  Turns: in good time no two members have one at once, and each has its own.
 *
 * Stands for wf_turn_ask(), line_up(), begin(), wf_turn_holds(), and look_at_others() of the
 * members that live, each call of which is one short lock.
 *
 * Times are ticks before or after now: an interval has four, of which work may begin in the
 * first three. Three members ask, in any order, at each tick or later; with PUNCTUAL members
 * 0 and 1 at each tick, and member 2 until it dies. Who has not asked for SILENCE ticks
 * is not counted among those that live.
 *
 * What the rule lets be: who comes too late for its turn has one at once if nobody is at
 * work, and the turn of another one, that comes in good time, may begin meanwhile. So two
 * are at work at once, but never three.
 */

// property safety
// property safety PUNCTUAL
// broken safety NOW_ONLY			the next turn is an interval after now, whatever the others have
// broken safety LATE_ANYWAY		who comes too late has a turn though another one is at work
// broken safety NEXT_STAYS PUNCTUAL	who has a turn takes no new one
// broken safety SOON_FORGOTTEN	who is silent does not count any more before its turn has come

#define MEMBERS		3
#define INTERVAL	4
#define OPEN		3
#ifdef SOON_FORGOTTEN
#define SILENCE		3
#else
#define SILENCE		(MEMBERS * INTERVAL)	/* until the latest turn there can be */
#endif

/* By member, from now on: the next turn; what is left of the one it has. */
short next[MEMBERS];
short until[MEMBERS];
bool known[MEMBERS];			/* it has a next turn */
byte silent[MEMBERS];			/* so long ago it has asked */
bool late[MEMBERS];				/* the turn that it has is one at once */
bool asked[MEMBERS];			/* in this tick */
bool died;

short latest, i;
bool at_work;
byte working, in_time;
byte since_turn = 0, since_mine[2];

#define lives(m)	(silent[m] <= SILENCE)
#define holds(m)	(until[m] > 0 || (known[m] && next[m] <= 0 && next[m] + OPEN > 0))

inline look_at_others(m)
{
	latest = 0;
	at_work = false;
	i = 0;
	do
	:: i < MEMBERS ->
		if
		:: i != m && lives(i) ->
			latest = (known[i] && next[i] > latest -> next[i] : latest);
			at_work = at_work || holds(i)
		:: else
		fi;
		i++
	:: else -> break
	od
}

inline line_up(m)
{
#ifdef NOW_ONLY
	next[m] = INTERVAL;
#else
	next[m] = latest + INTERVAL;
#endif
	known[m] = true
}

inline begin(m, length, is_late)
{
	until[m] = length;
	late[m] = is_late;
	since_turn = 0;
	if
	:: m < 2 -> since_mine[m] = 0
	:: else
	fi;
#ifndef NEXT_STAYS
	line_up(m)
#endif
}

/* wf_turn_ask() */
inline ask(m)
{
	silent[m] = 0;
	asked[m] = true;
	look_at_others(m);
	if
	:: !known[m] -> line_up(m)
	:: known[m] && until[m] <= 0 && next[m] <= 0 ->
		if
		:: next[m] + OPEN > 0 -> begin(m, next[m] + OPEN, false)
#ifdef LATE_ANYWAY
		:: else -> begin(m, OPEN, true)
#else
		:: next[m] + OPEN <= 0 && !at_work -> begin(m, OPEN, true)
		:: next[m] + OPEN <= 0 && at_work -> line_up(m)
#endif
		fi
	:: else
	fi
}

inline count_working()
{
	working = 0;
	in_time = 0;
	i = 0;
	do
	:: i < MEMBERS ->
		if
		:: until[i] > 0 -> working++; in_time = (late[i] -> in_time : in_time + 1)
		:: else
		fi;
		i++
	:: else -> break
	od
}

/* A tick later; what is long past is as long past. */
inline tick()
{
	i = 0;
	do
	:: i < MEMBERS ->
		next[i] = (next[i] > 0 - OPEN -> next[i] - 1 : next[i]);
		until[i] = (until[i] > 0 -> until[i] - 1 : 0);
		late[i] = late[i] && until[i] > 0;
		silent[i] = (silent[i] <= SILENCE -> silent[i] + 1 : silent[i]);
		asked[i] = false;
		i++
	:: else -> break
	od;
	since_turn++;
	since_mine[0]++;
	since_mine[1]++;
	latest = 0; i = 0; at_work = false; working = 0; in_time = 0
}

active proctype members()
{
	do
	:: true ->
		/* within a tick, in any order */
		do
		:: atomic { !asked[0] -> ask(0) }
		:: atomic { !asked[1] -> ask(1) }
#ifdef PUNCTUAL
		:: atomic { !asked[2] && !died -> ask(2) }
		:: atomic { !asked[2] -> asked[2] = true; died = true }
#else
		:: atomic { !asked[2] -> ask(2) }
		:: atomic { !asked[0] -> asked[0] = true }
		:: atomic { !asked[1] -> asked[1] = true }
		:: atomic { !asked[2] -> asked[2] = true }
#endif
		:: atomic { asked[0] && asked[1] && asked[2] -> break }
		od;
		atomic {
			count_working();
			assert(in_time <= 1);
			assert(working <= 2);
#ifdef PUNCTUAL
			/* nobody is late, and one that has died costs one turn */
			assert(working <= 1);
			assert(since_turn <= 2 * INTERVAL);
			assert(since_mine[0] <= (MEMBERS + 1) * INTERVAL && since_mine[1] <= (MEMBERS + 1) * INTERVAL);
#else
			since_turn = 0;
			since_mine[0] = 0;
			since_mine[1] = 0;
#endif
			tick()
		}
	od
}
