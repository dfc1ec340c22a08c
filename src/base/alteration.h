/*
 * alteration.h
 *	  What an object of JSON changes about settings.
 */
#ifndef WF_ALTERATION_H
#define WF_ALTERATION_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "base/compat.h"

/* The members of the object, one after the other. */
typedef struct WfAlteration
{
	JsonbIterator *iterator;
	char	   *name;			/* of the setting */
	JsonbValue	value;
} WfAlteration;

extern void wf_alteration_begin(WfAlteration *alteration, const Jsonb *object);
extern bool wf_alteration_next(WfAlteration *alteration);
pg_noreturn extern void wf_alteration_refuse(const WfAlteration *alteration, const char *wanted);
extern char *wf_alteration_text(const WfAlteration *alteration, const char *wanted);
extern Interval *wf_alteration_interval(const WfAlteration *alteration);
extern TimestampTz wf_alteration_time(const WfAlteration *alteration, TimestampTz otherwise);
extern bool wf_alteration_int(const WfAlteration *alteration, int *number);

#endif							/* WF_ALTERATION_H */
