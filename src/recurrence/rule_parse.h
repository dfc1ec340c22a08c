/*
 * rule_parse.h
 *	  Reading a recurrence rule.
 */
#ifndef WF_RULE_PARSE_H
#define WF_RULE_PARSE_H

#include "recurrence/rule.h"

extern void wf_rule_parse(const char *text, Timestamp starts, WfRule *rule);

#endif							/* WF_RULE_PARSE_H */
