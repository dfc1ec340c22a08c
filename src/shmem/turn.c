/*-------------------------------------------------------------------------
 *
 * turn.c
 *	  Turns: which member may look for work at a time.
 *
 * Pure: knows neither who asks nor what time it is.  Turns are no mutual exclusion,
 * which row locks are for: they keep members from looking for the same work at the same
 * time, and have somebody look once in an interval, however many members there are.
 *
 * A member's next turn begins an interval after the latest one of the others, or after
 * now.  Who has died takes no new one: that costs the others one turn, for its own is
 * behind by then, and is not the latest any more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "shmem/turn.h"

/*
 * The rule for turns that are so long (ms) apart, at the end of which so much (percent)
 * is kept free: what was begun is to be over when the next turn begins.
 */
WfTurnRule
wf_turn_rule(int interval, int protection)
{
	WfTurnRule	rule = {.interval = interval * INT64CONST(1000)};

	rule.open = rule.interval / 100 * (100 - protection);
	return rule;
}

/* May its member begin work now? */
bool
wf_turn_holds(const WfTurn *turn, const WfTurnRule *rule, int64 now)
{
	return now < turn->until ||
		(turn->next != 0 && turn->next <= now && now < turn->next + rule->open);
}

/* The next one is behind those of all others. */
static void
line_up(WfTurn *turn, const WfTurnRule *rule, const WfTurnOthers *others, int64 now)
{
	turn->next = Max(now, others->latest) + rule->interval;
}

/* Begin a turn that ends then. */
static void
begin(WfTurn *turn, const WfTurnRule *rule, const WfTurnOthers *others, int64 now, int64 until)
{
	turn->until = until;
	line_up(turn, rule, others, now);
}

/*
 * A member asks whether it is its turn.  Who comes too late for its turn gets one at
 * once if nobody else is at work.
 */
WfTurnAnswer
wf_turn_ask(WfTurn *turn, const WfTurnRule *rule, const WfTurnOthers *others, int64 now)
{
	WfTurnAnswer answer = {0};

	if (turn->next == 0)
		line_up(turn, rule, others, now);
	else if (now >= turn->until && now >= turn->next)
	{
		if (now < turn->next + rule->open)
			begin(turn, rule, others, now, turn->next + rule->open);
		else if (!others->at_work)
			begin(turn, rule, others, now, now + rule->open);
		else
			line_up(turn, rule, others, now);
	}
	answer.mine = now < turn->until;
	answer.mine_for = answer.mine ? turn->until - now : 0;
	answer.next_in = turn->next - now;
	return answer;
}
