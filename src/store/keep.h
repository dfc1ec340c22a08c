/*
 * keep.h
 *	  The table workflow.keep: for how long what is over is kept, by rules.
 */
#ifndef WF_KEEP_H
#define WF_KEEP_H

#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/uuid.h"

/* Kinds of what a rule is for; those of a job come before those of a queue. */
#define WF_KEEP_DEFINITION	"definition"
#define WF_KEEP_JOB			"job"
#define WF_KEEP_QUEUE		"queue"

/*
 * In the text of a statement: the rule, "k", of a process p whose definition is d, or of a
 * run h, with its job j and its queue q.  k.id is null if there is none;
 * what ended before k.before goes, but into its archive first if k.archives.  now: the
 * parameter with the time.
 */
#define WF_KEEP_OF_PROCESS(now) \
	WF_KEEP_RULE(now, "e.kind OPERATOR(pg_catalog.=) 'definition' AND e.name OPERATOR(pg_catalog.=) d.name", \
		 WF_KEEP_OUTCOME)

#define WF_KEEP_OF_RUN(now) \
	" LEFT JOIN workflow.job j ON j.id OPERATOR(pg_catalog.=) h.job" \
	" LEFT JOIN workflow.queue q ON q.id OPERATOR(pg_catalog.=) h.queue" \
	WF_KEEP_RULE(now, "(e.kind OPERATOR(pg_catalog.=) 'job' AND e.name OPERATOR(pg_catalog.=) j.name" \
		 " OR e.kind OPERATOR(pg_catalog.=) 'queue' AND e.name OPERATOR(pg_catalog.=) q.name)", \
		 "workflow.run_state(h.state)")

#define WF_KEEP_RULE(now, which, outcome) \
	" LEFT JOIN LATERAL (SELECT e.id, e.archive_to IS NOT NULL AS archives," \
	"  COALESCE(" now " OPERATOR(pg_catalog.-) e.keep, '-infinity') AS before" \
	"  FROM workflow.keep e WHERE " which \
	"  AND (e.outcome OPERATOR(pg_catalog.=) '' OR e.outcome OPERATOR(pg_catalog.=) (" outcome "))" \
	"  ORDER BY e.kind, e.outcome DESC LIMIT 1) k ON true"

/* The word for how a process p of a definition d has ended. */
#define WF_KEEP_OUTCOME \
	"CASE WHEN p.status OPERATOR(pg_catalog.<>) 'finalized' THEN 'aborted'" \
	" WHEN p.states OPERATOR(pg_catalog.&&) d.failures THEN 'failed' ELSE 'finished' END"

/* Has what ended then outlived its rule, or, without one, ended before the other parameter? */
#define WF_KEEP_GOES(ended, before) \
	"CASE WHEN k.id IS NULL THEN " ended " OPERATOR(pg_catalog.<) " before \
	" ELSE NOT k.archives AND " ended " OPERATOR(pg_catalog.<) k.before END"

/* What ended before that has outlived its rule, or, without one, ended before the parameter. */
#define WF_KEEP_BEFORE(before)	"CASE WHEN k.id IS NULL THEN " before " ELSE k.before END"

/* The rule whose archive is to get it before it goes, or null. */
#define WF_KEEP_ARCHIVE(ended) \
	"CASE WHEN k.archives AND " ended " OPERATOR(pg_catalog.<) k.before THEN k.id END"

/* A rule. */
typedef struct WfKeep
{
	int32		id;
	const char *kind;
	const char *name;
	const char *outcome;		/* "": any */
	int32		owner;			/* workflow.owner.id: whose the definition, job or queue is */
	const Interval *keep;		/* NULL: for ever */

	/* What is removed goes there first. */
	Oid			relation;		/* InvalidOid: there is no such table any more */
	const char *archive_to;		/* its name; NULL: nowhere */
	const char *search_path;	/* for its triggers, */
	const char *time_zone;		/* as they were when the rule was made */

	/* How far that has come. */
	TimestampTz due;			/* DT_NOEND: nothing is to be done */
	pg_uuid_t	position;		/* processes or runs up to this one have been looked at */
	int64		archived;		/* since the rule was made */
	int64		failed;			/* in this pass */
	const char *error;			/* the latest; NULL: none in this pass */
	int			losses;			/* in a row: the server ended; 3: it is not looked at any more */
} WfKeep;

extern bool wf_keep_known(void);
extern bool wf_keep_shortest(int64 *us);
extern void wf_keep_set(const WfKeep *rule);
extern bool wf_keep_remove(const char *kind, const char *name, const char *outcome);
extern void wf_keep_drop(const char *kind, const char *name);
extern void wf_keep_hand_over(const char *kind, const char *name, int32 owner);
extern void wf_keep_hand_over_all(int32 from, int32 to);
extern void wf_keep_resolve(bool foreign);
extern void wf_keep_note(Datum id, int *n, Datum **ids);
extern void wf_keep_announce(int n, Datum *ids);
extern TimestampTz wf_keep_next_due(int32 owner);
extern bool wf_keep_claim(int32 owner, TimestampTz until, WfKeep *rule);
extern bool wf_keep_lock_if_free(int32 id, WfKeep *rule);
extern void wf_keep_update(const WfKeep *rule);
extern void wf_keep_suspect(int32 owner, TimestampTz until);

#endif							/* WF_KEEP_H */
