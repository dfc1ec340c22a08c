/*
 * filter.h
 *	  What search() asks of the attributes of processes.
 */
#ifndef WF_FILTER_H
#define WF_FILTER_H

#include "utils/jsonb.h"

typedef enum WfConditionKind
{
	WF_CONDITION_EQUAL,			/* the process has this value of the attribute */
	WF_CONDITION_ANY,			/* it has one of these, an array */
	WF_CONDITION_RANGE			/* it has one that compares so with this */
} WfConditionKind;

typedef struct WfCondition
{
	WfConditionKind kind;
	const char *name;			/* of the attribute */
	const char *operator;		/* "=", "any", "<", "<=", ">", ">=" */
	Jsonb	   *value;
} WfCondition;

/* All of them must hold. */
typedef struct WfFilter
{
	int			n;
	WfCondition *conditions;
} WfFilter;

extern void wf_filter_read(WfFilter *filter, Jsonb *attributes);
extern const WfCondition *wf_filter_driving(const WfFilter *filter, const char *definition);
extern void wf_filter_arrays(const WfFilter *filter, const WfCondition *driving, Datum *arrays);

#endif							/* WF_FILTER_H */
