/*
 * evaluator.h
 *	  The types of an evaluator, which the files of this folder share.
 */
#ifndef WF_EVALUATOR_H
#define WF_EVALUATOR_H

#include "datatype/timestamp.h"
#include "nodes/execnodes.h"
#include "nodes/pg_list.h"
#include "pgtime.h"
#include "utils/jsonb.h"
#include "utils/plancache.h"
#include "utils/timestamp.h"

#include "chart/chart.h"
#include "eval/meter.h"

typedef struct WfEvaluator WfEvaluator;

struct WfUserContext;

/* One expression of a chart, compiled. */
typedef struct WfCompiled
{
	const WfExpr *expr;
	CachedExpression *cached;	/* or NULL: to be compiled (again) */
	List	   *given_up;		/* older ones that were being executed when
								 * they were recompiled */
	Oid			type;			/* of its result */
	bool		uses_event;
	bool		uses_states;
	bool		pure;			/* built-in and immutable: does not need the
								 * owner's context */
	bool		may_be_constant;	/* its result may point into the plan */
	ExprState  *state;			/* valid for the next three */
	LocalTransactionId state_lxid;
	Oid			state_user;
	bool		state_foreign;	/* prepared in a session not its owner's */
	bool		in_use;			/* its state is being executed */
	bool		is_stub;		/* stands for a function that does not exist */
	WfMeter		meter;			/* what its calls cost, unless it is pure */
} WfCompiled;

/* As whom, and with which settings, code of an author runs (user_context.c). */
typedef struct WfAuthor
{
	const char *job;			/* whose code it is; NULL: a definition's */
	Oid			role;
	const char *search_path;
	const char *time_zone;
} WfAuthor;

/* The expressions of a chart, compiled and kept. */
struct WfEvaluator
{
	const WfChart *chart;
	int			nexprs;			/* of the chart */
	WfAuthor	author;
	pg_tz	   *zone;			/* that of the author, once it was needed */
	MemoryContext context;
	WfCompiled *compiled;		/* by WfExpr.id */
	Jsonb	  **consts;			/* by WfValue.const_id */
	Datum	   *jsonpaths;		/* by WfAttribute.id; 0: not yet */
	Interval  **intervals;		/* by WfDelay.id, of WF_DELAY_TEXT and WORKING */
	struct WfRecurrence **recurrences;	/* by WfDelay.id, of RECURRING */
	bool		has_stubs;		/* for functions that do not exist, see stub.h */
	Jsonb	   *answers;		/* of guards among them, by name; or NULL */
	const Jsonb *calls;			/* what expressions called when they were stored, or
								 * NULL: not known */
	MemoryContextCallback at_end;
};

extern void wf_evaluator_free(WfEvaluator *evaluator);
extern WfEvaluator *wf_evaluator_new(const WfChart *chart, Oid owner,
									 const char *search_path,
									 const char *time_zone);
extern void wf_evaluator_stub(WfEvaluator *evaluator, const Jsonb *answers);
extern void wf_evaluator_set_calls(WfEvaluator *evaluator, const Jsonb *calls);
extern void wf_evaluator_measure(WfEvaluator *evaluator, int32 definition);
extern void wf_evaluator_set_owner(WfEvaluator *evaluator, Oid owner);
extern void wf_evaluator_compile(WfEvaluator *evaluator, WfCompiled *compiled,
								 struct WfUserContext *bracket);
extern bool wf_evaluator_is_pure(WfEvaluator *evaluator, const WfExpr *expr);
extern void wf_evaluator_free_given_up(WfCompiled *compiled);

#endif							/* WF_EVALUATOR_H */
