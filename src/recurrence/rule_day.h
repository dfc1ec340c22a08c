/*
 * rule_day.h
 *	  The days that a rule names.
 */
#ifndef WF_RULE_DAY_H
#define WF_RULE_DAY_H

#include "recurrence/rule.h"

/* No day of a span. */
#define WF_RULE_NO_DAY	PG_INT32_MAX

/* The month that was looked at last.  Days are counted from 2000-01-01. */
typedef struct WfRuleMonth
{
	const WfRule *rule;
	int			first;
	int			length;			/* 0: none was looked at */
	uint32		days;			/* bit 0 is the first one */
} WfRuleMonth;

extern int	wf_rule_day_next(WfRuleMonth *month, int day, int last);

#endif							/* WF_RULE_DAY_H */
