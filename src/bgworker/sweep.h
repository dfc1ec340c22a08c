/*
 * sweep.h
 *	  When the work of each owner of a database is due, read from the tables.
 */
#ifndef WF_SURVEY_H
#define WF_SURVEY_H

#include "datatype/timestamp.h"

/*
 * Read every owner's role and earliest due time into shared memory, in a
 * transaction of its own; false: the extension is gone.
 */
extern bool wf_survey(Oid extension);

/* The same if workflow.sweep_interval has passed and somebody wrote since. */
extern bool wf_survey_if_due(Oid extension);

/* Was there any, for whatever reason, since this was last asked? */
extern bool wf_survey_made(void);

/*
 * Call this for each owner without an entry of its own whose work was due at
 * the last survey.
 */
extern void wf_survey_others(void (*found) (void *arg, int32 owner, Oid role,
											TimestampTz due),
							 void *arg);

/* When that has to be asked again, by the real clock. */
extern TimestampTz wf_survey_due(void);

#endif							/* WF_SURVEY_H */
