/*
 * turn.h
 *	  Turns: which member may look for work at a time.
 */
#ifndef WF_TURN_H
#define WF_TURN_H

/* Turns are of these kinds, each with an interval of its own. */
typedef enum WfTurnKind
{
	WF_TURN_TIMER,				/* to look for work that is due */
	WF_TURN_SERVICE				/* to look for members that need recovery */
} WfTurnKind;

#define WF_TURN_KINDS	2

/* A member's turns of one kind, by the steady clock; 0: none. */
typedef struct WfTurn
{
	int64		next;			/* when its next one begins */
	int64		until;			/* when the one that it has ends */
} WfTurn;

/* us */
typedef struct WfTurnRule
{
	int64		interval;		/* between the turns of different members */
	int64		open;			/* so long from its begin work may begin */
} WfTurnRule;

/* How it stands with the other members that live. */
typedef struct WfTurnOthers
{
	int64		latest;			/* the begin of the latest of their next turns */
	bool		at_work;		/* one of them may begin work now */
} WfTurnOthers;

/* Durations in us. */
typedef struct WfTurnAnswer
{
	bool		mine;
	int64		mine_for;
	int64		next_in;
} WfTurnAnswer;

extern WfTurnRule wf_turn_rule(int interval, int protection);
extern bool wf_turn_holds(const WfTurn *turn, const WfTurnRule *rule, int64 now);
extern WfTurnAnswer wf_turn_ask(WfTurn *turn, const WfTurnRule *rule, const WfTurnOthers *others,
								int64 now);

#endif							/* WF_TURN_H */
