/*
 * chart.h
 *	  A compiled definition: one immutable, flat picture of a statechart.
 *
 * Pure: no catalog, no SPI, no clock, no error thrown.  Everything a chart
 * holds lives in the memory context that was current when it was compiled,
 * strings included; nobody writes to it afterwards, so one chart serves every
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
 * Names of definitions, of events, keys and ids (bytes).  Two of them are in
 * one entry of an index, which takes 2,700 bytes.
 */
#define WF_MAX_NAME_LENGTH	1024

typedef int16 WfStateId;		/* index into WfChart.states */

#define WF_NO_STATE			((WfStateId) -1)
#define WF_MAX_STATES		16384

typedef enum WfStateKind
{
	WF_STATE_ATOMIC,
	WF_STATE_COMPOUND,
	WF_STATE_PARALLEL,
	WF_STATE_FINAL,
	WF_STATE_HISTORY			/* pseudo state, never active */
} WfStateKind;

/*
 * Something of the author's that has to be evaluated outside of the chart: a
 * SQL expression or a SQL function.  Every use in a definition has its own
 * entry in WfChart.exprs, so that an evaluator can keep its plans in a
 * parallel array.
 */
typedef enum WfExprUse
{
	WF_USE_GUARD,				/* gives boolean */
	WF_USE_VALUE,				/* gives any type, taken as jsonb */
	WF_USE_ACTION,				/* function: jsonb (the new context) or void */
	WF_USE_DELAY				/* gives interval, timestamptz or ms */
} WfExprUse;

typedef struct WfExpr
{
	int			id;				/* index into WfChart.exprs */
	WfExprUse	use;
	bool		is_function;	/* text is a function's name, else SQL */
	const char *text;
	const char *params;			/* function: JSON text of its params or NULL */
	const char *path;			/* JSON path in the definition, for messages */
} WfExpr;

/* A JSON value some parts of which are computed. */
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
	bool		quoted;			/* CONST: has "@..." keys that mean nothing */
	const WfExpr *expr;			/* EXPR */
	int			nparts;			/* OBJECT, ARRAY */
	const char **keys;			/* OBJECT */
	struct WfValue **parts;		/* OBJECT, ARRAY */
	int			const_id;		/* CONST: index for an evaluator's array of
								 * parsed constants, < WfChart.nconsts; else
								 * -1 */
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

/* How long from now, or when. */
typedef enum WfDelayKind
{
	WF_DELAY_NONE,				/* not delayed at all */
	WF_DELAY_NEVER,				/* null or -1: until set_timer() */
	WF_DELAY_MS,
	WF_DELAY_TEXT,				/* ISO 8601 or interval text, checked by
								 * define() with PostgreSQL's interval input */
	WF_DELAY_WORKING,			/* TEXT, counted in a calendar's working time */
	WF_DELAY_EXPR
} WfDelayKind;

typedef struct WfDelay
{
	WfDelayKind kind;
	int64		ms;
	const char *text;
	const char *calendar;		/* WORKING: its name */
	const WfExpr *expr;
	const char *path;			/* JSON path, for messages */
	int			id;				/* index into WfChart.delays */
	const char *name;			/* its key in `delays`, or NULL: written in
								 * place */
} WfDelay;

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
 * Who may cause a transition: whoever has one of the roles or is agreed to by
 * the function (everybody, when neither is written), and is not denied.
 */
typedef struct WfAllow
{
	const char *text;			/* canonical JSON */
	bool		everybody;		/* nothing is said but who is denied */
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
	const char *path;

	/*
	 * The states between which it moves: it exits the active descendants of
	 * its domain (WF_NO_STATE: every state, the root too).  With a history
	 * state among the targets the domain has to be found when it is taken.
	 */
	WfStateId	domain;
	bool		has_history;

	const char *description;	/* or NULL */
	const char *meta;			/* JSON text, or NULL */
} WfTransition;

/*
 * What a state reacts to: all transitions of one event descriptor, in
 * document order.  A state's handlers are sorted so that the first that
 * matches an event is the most specific one: exact names first, then
 * wildcards by falling length, "*" last.
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
	const char *name;			/* key under `after`, set_timer() names it */
	const char *event;			/* "after.KEY.STATE": the event it delivers */
	WfDelay    *delay;
	bool		keep;			/* a running one survives re-entry */
} WfTimer;

typedef struct WfInvoke
{
	const char *id;				/* unique among those that can run together */
	WfStateId	state;			/* whose it is */
	const char *src;			/* definition, or function for a job */
	WfValue    *input;			/* or NULL */
	bool		detached;
	const char *path;
	const char *options;		/* JSON text of retry, timeout, heartbeat,
								 * or NULL */
	const char *description;	/* or NULL */
	const char *meta;			/* JSON text, or NULL */
} WfInvoke;

typedef struct WfState
{
	WfStateId	id;
	WfStateId	last;			/* last descendant, or id itself */
	WfStateId	parent;			/* WF_NO_STATE for the root */
	int16		depth;			/* root 0 */
	WfStateKind kind;
	bool		deep;			/* HISTORY */
	const char *name;			/* path below the root: "review.waiting"; the
								 * root has the definition's name */
	const char *key;			/* last part of name */
	const char *custom_id;		/* `id` of the author, or NULL */
	int			nchildren;		/* history children included */
	WfStateId  *children;
	WfTransition *initial;		/* COMPOUND: default entry; HISTORY: default
								 * transition or NULL; else NULL */
	int			nhandlers;
	WfHandler  *handlers;		/* `on`, `after`, `onDone` and invokes' onDone
								 * and onError, all as events */
	int			nalways;
	WfTransition **always;
	int			ntimers;
	WfTimer    *timers;
	int			ninvokes;
	WfInvoke   *invokes;
	WfActionList entry;
	WfActionList exit;
	WfValue    *output;			/* FINAL (and root), or NULL */
	const char *done_event;		/* COMPOUND, PARALLEL: "done.state.NAME" */
	int			ndefer;
	const char **defer;			/* event descriptors kept for later */
	int			ntags;
	const char **tags;
	int			nhistory;		/* those of its children that are history */
	WfStateId  *history;
	const char *description;	/* or NULL */
	const char *meta;			/* JSON text, or NULL */
	const char *path;			/* JSON path */
} WfState;

/* When an event whose step failed with one of these errors is tried again. */
typedef struct WfRetry
{
	int			nerrors;
	const char **errors;		/* "*", SQLSTATEs, or classes of them */
	double		interval;		/* seconds before the second attempt */
	int			max_attempts;	/* after the first */
	double		rate;			/* each interval is so many times the last */
	double		max_delay;		/* seconds */
	bool		jitter;			/* any time up to the interval */
} WfRetry;

/* What becomes of the process when the event is given up. */
typedef enum WfThen
{
	WF_THEN_STOP,				/* error where a way leads out, else terminated */
	WF_THEN_ERROR,
	WF_THEN_TERMINATE,
	WF_THEN_EVENT				/* it is told, and goes on */
} WfThen;

typedef struct WfPolicy
{
	const char *text;			/* canonical JSON */
	bool		has_retry;		/* else the settings decide */
	int			nretries;
	WfRetry    *retries;		/* the first that fits */
	WfThen		then;
	const char *event;			/* EVENT */
} WfPolicy;

/* What processes can be searched by: a path into the context, or an expression. */
typedef struct WfAttribute
{
	int			id;				/* index into WfChart.attributes */
	const char *name;
	const char *jsonpath;		/* or NULL */
	const WfExpr *expr;			/* or NULL */
	const char *path;			/* JSON path, for messages */
} WfAttribute;

/* The states that have a handler of one descriptor, in document order. */
typedef struct WfReaction
{
	const char *descriptor;		/* NULL: an empty slot */
	int			nstates;
	WfStateId  *states;
} WfReaction;

/* With more leaves than this active at a time a chart has reactions. */
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
	const WfPolicy *on_error;	/* or NULL */
	const WfDelay *step_timeout;	/* or NULL */
	const char *features;		/* space separated names of constructs used:
								 * "parallel history invoke defer allow ..." */
	bool		has_always;		/* some state has an eventless transition */
	bool		has_defer;
	bool		has_parallel;
	bool		has_error;		/* some state handles error.* events */
	bool		catches_errors; /* some state handles error.execution */
	WfFaults	warnings;		/* what is hardly meant so, but does no harm */
	/* open-addressing table from a state's name to its number */
	uint32		name_mask;
	WfStateId  *name_slots;

	/*
	 * Of a wide chart only, else NULL: an open-addressing table from a
	 * descriptor to who handles it, and who has eventless transitions.
	 * Spares selection to ask each of a thousand regions.
	 */
	uint32		reaction_mask;
	WfReaction *reactions;
	WfReaction	eventless;
} WfChart;

extern WfStateId wf_chart_find(const WfChart *chart, const char *name,
							   int len);

/* Is `state` a proper descendant of `ancestor`? */
static inline bool
wf_is_descendant(const WfChart *chart, WfStateId state, WfStateId ancestor)
{
	return state > ancestor && state <= chart->states[ancestor].last;
}

extern const WfHandler *wf_chart_handler(const WfState *state,
										 const char *event, int *from);

/*
 * What an error of the author's code becomes.  "*" does not match it: an error
 * is not passed over by who did not think of one.
 */
#define WF_ERROR_EVENT "error.execution"

/* What a step that was given up becomes, where `on_error` says so. */
#define WF_STEP_ERROR_EVENT "error.step"

extern const char *wf_chart_reserved_prefix(const char *event, bool to_itself);
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
