/*
 * compiler.h
 *	  The state of a compilation, for the files compile*.c only.
 *
 * Pure, like chart.h.
 */
#ifndef WF_COMPILER_H
#define WF_COMPILER_H

#include "chart/chart.h"
#include "chart/diagnostic.h"
#include "chart/json.h"
#include "compiler/list.h"

/* Maximum nesting of states. */
#define WF_DEEPEST_STATE	64

/* Constructs that WfChart.features lists by name. */
typedef enum WfFeature
{
	WF_HAS_PARALLEL,
	WF_HAS_HISTORY,
	WF_HAS_FINAL,
	WF_HAS_ALWAYS,
	WF_HAS_AFTER,
	WF_HAS_KEEP,
	WF_HAS_INVOKE,
	WF_HAS_RETRY,
	WF_HAS_DEFER,
	WF_HAS_ALLOW,
	WF_HAS_OUTPUT,
	WF_HAS_TAGS,
	WF_HAS_WILDCARD,
	WF_HAS_ERROR,
	WF_HAS_GUARD,
	WF_HAS_IN_STATE,
	WF_HAS_EXPR,
	WF_HAS_CALL,
	WF_HAS_ASSIGN,
	WF_HAS_RAISE,
	WF_HAS_SEND,
	WF_HAS_DELAY,
	WF_HAS_CANCEL,
	WF_HAS_LOG,
	WF_HAS_CHOOSE,
	WF_HAS_FOREACH,
	WF_HAS_REENTER,
	WF_HAS_ON_ERROR,
	WF_HAS_STEP_TIMEOUT,
	WF_HAS_FAILURE,
	WF_HAS_TIMEZONE,
	WF_HAS_TASK,
	WF_HAS_SENSITIVE,
	WF_HAS_EVENTS,
	WF_HAS_RECURRENCE,
	WF_FEATURES
} WfFeature;

/* A target in `on_error` of a transition, which becomes an event. */
typedef struct WfCaught
{
	const char *event;
	const WfJson *json;			/* its `then` */
	const char *path;			/* of it */
} WfCaught;

/* A compilation. */
typedef struct WfCompiler
{
	WfFaults   *faults;
	WfChart    *chart;			/* the result */
	int			states_size;	/* of chart->states and sources */
	const WfJson **sources;		/* by state: its JSON */
	const WfAllow **allow;		/* by state: its own or the inherited one */
	int			nids;			/* authors' ids, sorted */
	WfNamed    *ids;
	int			ndelays;		/* named delays, sorted */
	WfNamed    *delays;			/* value: index into delay_list */
	WfList		expr_list;
	WfList		const_list;
	WfList		delay_list;
	WfList		invoke_list;	/* WfInvoke, to check their ids */
	bool		features[WF_FEATURES];

	bool		any_error;		/* retries name errors of any kind, not SQLSTATEs */

	/* Of the state that is being compiled. */
	const WfDelay *limit;		/* `step_timeout` around what comes next, or NULL */
	WfList		caught;			/* WfCaught, to become handlers of the state */
} WfCompiler;

#endif							/* WF_COMPILER_H */
