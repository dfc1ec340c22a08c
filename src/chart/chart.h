/*
 * chart.h
 *	  A compiled definition: one immutable, flat picture of a statechart.
 *
 * Pure: no catalog, no SPI, no clock, no error thrown.  Everything a chart
 * holds lives in the memory context that was current when it was compiled,
 * strings included; nobody writes to it after its names were resolved
 * (definition/), so one chart serves every
 * process of its definition in this backend.
 *
 * States are numbered in document order, the root is state 0; a state's
 * descendants are exactly the numbers (id, last].  That makes "is a descendant
 * of" two comparisons and "document order" the order of integers.
 */
#ifndef WF_CHART_H
#define WF_CHART_H

#include "chart/diagnostic.h"

/*
 * Maximum length in bytes of the names of definitions and events, of keys and
 * of ids.  An index has two of them in one entry, which takes 2,700 bytes.
 */
#define WF_MAX_NAME_LENGTH	1024

/*
 * Longest name of a job in bytes.  Its queue is called "job:NAME", and names of
 * queues are quoted in messages and notifications.
 */
#define WF_MAX_JOB_NAME		200

typedef int16 WfStateId;		/* index into WfChart.states */

#define WF_NO_STATE			((WfStateId) -1)
#define WF_MAX_STATES		16384
#define WF_MAX_TASK_NAMES	16384

typedef enum WfStateKind
{
	WF_STATE_ATOMIC,
	WF_STATE_COMPOUND,
	WF_STATE_PARALLEL,
	WF_STATE_FINAL,
	WF_STATE_HISTORY			/* pseudo state, never active */
} WfStateKind;

/*
 * A SQL expression or a call of a SQL function, which the chart cannot
 * evaluate itself.  Every use in a definition has its own entry in
 * WfChart.exprs, so that an evaluator can keep its plans in a parallel array.
 */
typedef enum WfExprUse
{
	WF_USE_GUARD,				/* returns boolean */
	WF_USE_VALUE,				/* returns any type, converted to jsonb */
	WF_USE_ACTION,				/* a function: returns jsonb (the new context)
								 * or void */
	WF_USE_DELAY				/* returns interval, timestamptz or ms */
} WfExprUse;

struct WfDelay;

typedef struct WfExpr
{
	int			id;				/* index into WfChart.exprs */
	WfExprUse	use;
	bool		is_function;	/* text is a function's name, not SQL */
	const char *text;
	const char *resolved;		/* function: the name that is looked up; NULL: text */
	const char *params;			/* function: JSON text of its params or NULL */
	const char *path;			/* JSON path in the definition, for messages */
	const struct WfDelay *step_timeout; /* of the innermost transition or state
										 * around it that has one, or NULL */
} WfExpr;

/* A JSON value, parts of which may be computed. */
typedef enum WfValueKind
{
	WF_VALUE_CONST,				/* text is JSON */
	WF_VALUE_EXPR,
	WF_VALUE_OBJECT,
	WF_VALUE_ARRAY
} WfValueKind;

typedef struct WfValue
{
	WfValueKind kind;
	const char *text;			/* CONST */
	bool		quoted;			/* CONST: has "@..." keys that are plain data */
	const WfExpr *expr;			/* EXPR */
	int			nparts;			/* OBJECT, ARRAY */
	const char **keys;			/* OBJECT */
	struct WfValue **parts;		/* OBJECT, ARRAY */
	int			const_id;		/* CONST: index into WfChart.consts, and into
								 * an evaluator's parsed constants; else -1 */
} WfValue;

typedef enum WfGuardKind
{
	WF_GUARD_EXPR,
	WF_GUARD_NOT,
	WF_GUARD_AND,
	WF_GUARD_OR,
	WF_GUARD_IN_STATE
} WfGuardKind;

typedef struct WfGuard
{
	WfGuardKind kind;
	const WfExpr *expr;			/* EXPR */
	WfStateId	state;			/* IN_STATE */
	int			nparts;			/* NOT (1), AND, OR */
	struct WfGuard **parts;
} WfGuard;

/* How long from now, or at which time. */
typedef enum WfDelayKind
{
	WF_DELAY_NONE,				/* no delay */
	WF_DELAY_NEVER,				/* null or -1: only set_timer() ends it */
	WF_DELAY_MS,
	WF_DELAY_TEXT,				/* ISO 8601 or interval text, checked by
								 * define() with PostgreSQL's interval input */
	WF_DELAY_WORKING,			/* as TEXT, in working time of a calendar */
	WF_DELAY_EXPR,
	WF_DELAY_RECURRING			/* until the next time of a recurrence */
} WfDelayKind;

/* What recurs: one of cron, rule and every is not NULL. */
typedef struct WfRecurring
{
	const char *cron;			/* a cron expression */
	const char *rule;			/* of RFC 5545 */
	const char *every;			/* an interval */
	const char *anchor;			/* a time of ISO 8601; NULL: WfDelay.expr, or there is none */
	const char *zone;			/* NULL: that of the definition */
	const char *gap;			/* "next", "skip", or NULL */
	const char *fold;			/* "first", "second", or NULL */
	bool		catch_up;		/* what was missed comes, too */
} WfRecurring;

typedef struct WfDelay
{
	WfDelayKind kind;
	int64		ms;
	const char *text;
	const char *calendar;		/* WORKING, RECURRING: its name; else NULL */
	const WfRecurring *recurring;	/* RECURRING */
	const WfExpr *expr;			/* EXPR; RECURRING: of the anchor, or NULL */
	const char *path;			/* JSON path, for messages */
	int			id;				/* index into WfChart.delays */
	const char *name;			/* its key in `delays`, or NULL if it is
								 * written where it is used */
	bool		used;			/* by its name */
} WfDelay;

/* How often and when a step is retried that failed with one of these errors. */
typedef struct WfRetry
{
	int			nerrors;
	const char **errors;		/* SQLSTATEs, their classes, or "*"; of a job, any
								 * codes */
	double		interval;		/* seconds before the second attempt */
	int			max_attempts;	/* after the first; WF_UNLIMITED */
	double		rate;			/* factor from one interval to the next */
	double		max_delay;		/* seconds */
	bool		jitter;			/* wait a random part of the interval */
} WfRetry;

/* WfRetry.max_attempts: without end. */
#define WF_UNLIMITED		(-1)

/* What happens to the process when an event is given up. */
typedef enum WfThen
{
	WF_THEN_STOP,				/* status error if an active state reacts to
								 * anything, else terminated */
	WF_THEN_ERROR,				/* status error */
	WF_THEN_TERMINATE,			/* status terminated */
	WF_THEN_EVENT				/* it gets an event and continues */
} WfThen;

/*
 * `on_error` of a transition, a state or the root.  What it does not say is
 * as that around it says: retries, and what happens then, each by itself.
 */
typedef struct WfPolicy
{
	const char *text;			/* canonical JSON of what it says itself */
	bool		has_retry;		/* false: the settings apply */
	int			nretries;
	WfRetry    *retries;		/* the first that matches counts */
	WfThen		then;
	const char *event;			/* EVENT */
} WfPolicy;

typedef enum WfActionKind
{
	WF_ACTION_CALL,				/* expr: a function */
	WF_ACTION_ASSIGN,			/* keys and values, or expr: all of it */
	WF_ACTION_RAISE,			/* internal queue; delayed: SEND to self */
	WF_ACTION_SEND,
	WF_ACTION_CANCEL,
	WF_ACTION_LOG,
	WF_ACTION_CHOOSE,
	WF_ACTION_FOREACH
} WfActionKind;

typedef struct WfActionList
{
	int			n;
	struct WfAction **items;
} WfActionList;

typedef struct WfBranch
{
	const WfGuard *guard;		/* NULL: always */
	WfActionList actions;
} WfBranch;

typedef struct WfAction
{
	WfActionKind kind;
	const WfExpr *expr;			/* CALL; ASSIGN of the whole context */
	int			nkeys;			/* ASSIGN */
	const char **keys;
	WfValue   **values;
	WfValue    *event_type;		/* RAISE, SEND: the event's name */
	WfValue    *event_data;		/* RAISE, SEND: payload or NULL; LOG: the
								 * value; FOREACH: the array */
	WfValue    *target;			/* SEND: NULL for self, else "#_parent",
								 * "#_INVOKEID" or a process id */
	WfValue    *send_id;		/* RAISE, SEND, CANCEL: or NULL */
	WfDelay    *delay;			/* RAISE, SEND: or NULL */
	const char *label;			/* LOG: or NULL */
	const char *item;			/* FOREACH: context key of the item */
	const char *index;			/* FOREACH: context key of the index or NULL */
	WfActionList actions;		/* FOREACH */
	int			nbranches;		/* CHOOSE */
	WfBranch   *branches;
	const char *path;
} WfAction;

/*
 * Who may cause a transition: whoever has one of the roles or is accepted by
 * the function (everybody, if neither is given), and is not denied.
 */
typedef struct WfAllow
{
	const char *text;			/* canonical JSON */
	bool		everybody;		/* neither roles nor function are given */
	int			nroles;
	const char **roles;
	const WfExpr *function;		/* or NULL */
	int			ndenied;
	const char **denied;
	const WfExpr *deny_function;	/* or NULL */
} WfAllow;

typedef struct WfTransition
{
	int			order;			/* document order within the chart */
	WfStateId	source;
	bool		reenter;
	bool		targetless;		/* no target: exits and enters nothing */
	int			ntargets;
	WfStateId  *targets;		/* may be history states */
	const WfGuard *guard;		/* or NULL */
	WfActionList actions;
	const WfAllow *allow;		/* or NULL; its own, else that of the nearest
								 * enclosing state which has one */
	const WfPolicy *on_error;	/* its own, or that of its source, or NULL */
	const WfDelay *step_timeout;	/* likewise */
	const WfValue *correlate;	/* what its event is published with, or NULL */
	const char *path;

	/*
	 * It exits the active descendants of its domain; WF_NO_STATE means every
	 * state, the root too.  If a history state is among the targets, the
	 * domain has to be determined when the transition is taken.
	 */
	WfStateId	domain;
	bool		has_history;

	const char *description;	/* or NULL */
	const char *meta;			/* JSON text, or NULL */
} WfTransition;

/*
 * All transitions of a state for one event descriptor, in document order.  The
 * handlers of a state are sorted so that the first one that matches an event
 * is the most specific one: exact names first, then wildcards by decreasing
 * length, "*" last.
 */
typedef struct WfHandler
{
	const char *descriptor;		/* "pay", "order.*" or "*" */
	int			prefix;			/* -1: exact; else bytes that must match
								 * ("order." is 6, "*" is 0) */
	int			ntransitions;
	WfTransition **transitions;
} WfHandler;

typedef struct WfTimer
{
	const char *name;			/* key under `after`; set_timer() uses it */
	const char *event;			/* "after.KEY.STATE": the event it delivers */
	WfDelay    *delay;
	bool		keep;			/* a running timer survives re-entry */
	bool		of_task;		/* not under `after`: of the state's task */
} WfTimer;

/*
 * What a person may or has to do while a state is active.  Its events come by
 * votes: once one of them has as many as the task needs.
 */
typedef struct WfTask
{
	WfValue    *people;			/* names of people and of groups */
	int			need;			/* so many votes; 0: one of each name */
	int			nevents;
	const char **events;		/* that people may vote for, the refusal last */
	bool		named;			/* `events` is written, else read off the handlers */
	int			nany;
	const char **any;			/* events for which one vote is enough */
	WfValue    *title;			/* or NULL, as the next ones */
	WfValue    *priority;
	WfValue    *data;
	WfDelay    *due;
	int			nreminders;
	WfDelay   **reminders;		/* from the beginning on */
	bool		comment;		/* a vote needs a note, ... */
	int			ncomments;		/* ... if that is 0, for whatever event */
	const char **comments;
	const char *undecided;		/* the event WF_TASK_UNDECIDED of the state */
	const char *path;
} WfTask;

/* The events of tasks end with the name of the state. */
#define WF_TASK_DUE			"task.due."
#define WF_TASK_REMIND		"task.remind."
#define WF_TASK_UNDECIDED	"task.undecided."

/* The names of their timers: that of a reminder goes on with its number from 1 on. */
#define WF_TASK_DUE_TIMER	"task.due"
#define WF_TASK_REMIND_TIMER "task.remind."

/* Priorities of runs and tasks are between these. */
#define WF_PRIORITY_LEAST	(-2)
#define WF_PRIORITY_MOST	2

/* The key in the input of an element under which its number is. */
#define WF_MAP_INDEX "index"

/* An invoke is made once for each element of an array. */
typedef struct WfMap
{
	WfValue    *over;			/* the array */
	const char *as;				/* key of the element in the input */
	int			concurrency;	/* so many at once; 0: all */
	int			tolerate;		/* so many may fail */
} WfMap;

typedef struct WfInvoke
{
	const char *id;				/* unique among those that can run together */
	WfStateId	state;			/* the state that has it */
	bool		is_job;
	const char *src;			/* name of a definition, or of a job */
	WfValue    *input;			/* or NULL */
	bool		detached;
	const char *path;

	/* Of a job; NULL: as it says itself. */
	WfValue    *queue;
	WfValue    *priority;
	WfValue    *partition;
	WfDelay    *timeout;		/* of an attempt */
	const char *retry;			/* JSON text */

	const WfMap *map;			/* or NULL */

	const char *options;		/* of a definition: JSON text of those keys that
								 * only a job has, or NULL */
	const char *description;	/* or NULL */
	const char *meta;			/* JSON text, or NULL */
} WfInvoke;

/* A state waits for what is published of this event with this value. */
typedef struct WfCorrelate
{
	const char *event;
	const WfValue *value;
	const char *path;
} WfCorrelate;

typedef struct WfState
{
	WfStateId	id;
	WfStateId	last;			/* last descendant, or id itself */
	WfStateId	parent;			/* WF_NO_STATE for the root */
	int16		depth;			/* root 0 */
	WfStateKind kind;
	bool		deep;			/* HISTORY */
	const char *name;			/* path from the root, "review.waiting"; the
								 * root has the definition's name */
	const char *key;			/* last part of name */
	const char *custom_id;		/* the author's `id`, or NULL */
	int			nchildren;		/* history children included */
	WfStateId  *children;
	WfTransition *initial;		/* COMPOUND: default entry; HISTORY: default
								 * transition or NULL; else NULL */
	int			nhandlers;
	WfHandler  *handlers;		/* `on`, `after`, `onDone`, and `onDone` and
								 * `onError` of invokes, all as events */
	int			nalways;
	WfTransition **always;
	int			ntimers;
	WfTimer    *timers;
	int			ncorrelates;
	WfCorrelate *correlates;
	const WfTask *task;			/* or NULL */
	int			ninvokes;
	WfInvoke   *invokes;
	WfActionList entry;
	WfActionList exit;
	WfValue    *output;			/* FINAL (and root), or NULL */
	bool		failure;		/* FINAL: an end that is a failure */
	const char *done_event;		/* COMPOUND, PARALLEL: "done.state.NAME" */
	int			ndefer;
	const char **defer;			/* event descriptors kept for later */
	int			ntags;
	const char **tags;
	int			nhistory;		/* its children that are history states */
	WfStateId  *history;
	const WfPolicy *on_error;	/* its own, or that of its parent, or NULL */
	const WfDelay *step_timeout;	/* likewise */
	const char *description;	/* or NULL */
	const char *meta;			/* JSON text, or NULL */
	const char *path;			/* JSON path */
} WfState;

/* A search attribute of processes: a path into the context, or an expression. */
typedef struct WfAttribute
{
	int			id;				/* index into WfChart.attributes */
	const char *name;
	const char *jsonpath;		/* or NULL */
	const WfExpr *expr;			/* or NULL */
	const char *path;			/* JSON path, for messages */
	bool		sensitive;		/* it reads, or may read, a field that is */
} WfAttribute;

/* The states that have a handler of one descriptor, in document order. */
typedef struct WfReaction
{
	const char *descriptor;		/* NULL: an empty slot */
	int			nstates;
	WfStateId  *states;
} WfReaction;

/*
 * A chart is wide, and has reactions, if more leaves than this can be active
 * at the same time.
 */
#ifndef WF_WIDE
#define WF_WIDE				16
#endif

typedef struct WfChart
{
	const char *name;			/* definition's `id` */
	int			nstates;
	WfState    *states;
	int			ntransitions;	/* WfTransition.order is below this */
	int			nexprs;
	WfExpr	  **exprs;
	int			nconsts;
	WfValue   **consts;
	int			ndelays;
	WfDelay   **delays;
	WfValue    *context;		/* of a new process, or NULL */
	int			nattributes;	/* `search` */
	WfAttribute *attributes;
	int			nsensitive;		/* `sensitive`: JSON pointers into the context */
	const char **sensitive;
	int			nevents;		/* `events`, sorted by descriptors */
	struct WfEventType *events; /* see event_type.h */
	const char *time_zone;		/* `timezone`, or NULL */
	const char *features;		/* space separated names of constructs used:
								 * "parallel history invoke defer allow ..." */
	int			nlimits;		/* delays that are a `step_timeout` */
	bool		inner_policies; /* a state or transition has `on_error` */
	bool		inner_limits;	/* ... has `step_timeout` */
	bool		correlates;		/* some state waits for what is published */
	bool		has_tasks;		/* some state has a task */
	bool		has_failure;	/* an end that is a failure */
	bool		has_always;		/* some state has an eventless transition */
	bool		has_defer;
	bool		has_parallel;
	bool		has_error;		/* some state handles error.* events */
	bool		catches_errors; /* some state handles error.execution */
	WfFaults	warnings;		/* what is legal, but hardly intended */

	/* hash table with open addressing from a state's name to its number */
	uint32		name_mask;
	WfStateId  *name_slots;

	/*
	 * In a wide chart only, else NULL: a hash table with open addressing from
	 * a descriptor to the states that handle it, and the states that have
	 * eventless transitions.  It spares the selection of transitions a look
	 * at each of a thousand regions.
	 */
	uint32		reaction_mask;
	WfReaction *reactions;
	WfReaction	eventless;
} WfChart;

extern bool wf_chart_has_tag(const WfChart *chart, WfStateId state, const char *tag);
extern WfStateId wf_chart_find(const WfChart *chart, const char *name,
							   int len);

/* Is a state a proper descendant of `ancestor`? */
static inline bool
wf_is_descendant(const WfChart *chart, WfStateId state, WfStateId ancestor)
{
	return state > ancestor && state <= chart->states[ancestor].last;
}

/* Has an active state something that is armed: timers, a task, what it waits for? */
static inline bool
wf_state_is_armed(const WfState *state)
{
	return state->ntimers > 0 || state->ncorrelates > 0 || state->task != NULL;
}

extern const WfHandler *wf_chart_handler(const WfState *state,
										 const char *event, int *from);

/*
 * The event that an error of the author's code raises.  "*" does not match it,
 * lest a handler that was not written for errors swallows one.
 */
#define WF_ERROR_EVENT "error.execution"

/*
 * The event that `on_error` may send for a step that was given up.  Where it is
 * a target of a state or a transition, that has an event of its own:
 * "error.step.STATE" or "error.step.STATE.#N".
 */
#define WF_STEP_ERROR_EVENT "error.step"

extern const char *wf_chart_reserved_prefix(const char *event, bool to_itself);
extern bool wf_chart_is_of_task(const char *event);
extern bool wf_chart_descriptor_matches(const char *descriptor, const char *event);
extern void wf_chart_index(WfChart *chart);
extern void wf_chart_index_reactions(WfChart *chart);
extern const WfReaction *wf_chart_reaction(const WfChart *chart,
										   const char *text, int len,
										   const char *suffix);
extern WfStateId wf_chart_domain(const WfChart *chart,
								 const WfTransition *transition,
								 const WfStateId *targets, int n);
extern bool wf_chart_settle(const WfChart *chart, WfStateId *states, int *n,
							WfStateId *a, WfStateId *b);
extern WfStateId wf_chart_common(const WfChart *chart, WfStateId a,
								 WfStateId b);

#endif							/* WF_CHART_H */
