/*
 * rule_count.h
 *	  What the COUNT of a rule means for its end.
 */
#ifndef WF_RULE_COUNT_H
#define WF_RULE_COUNT_H

#include "recurrence/rule.h"

extern Timestamp wf_rule_count_last(const WfRule *rule);

#endif							/* WF_RULE_COUNT_H */
