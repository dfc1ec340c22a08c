/*
 * archive.h
 *	  What is removed goes into tables of users first.
 */
#ifndef WF_ARCHIVE_H
#define WF_ARCHIVE_H

#include "utils/elog.h"

#include "store/keep.h"

/* Is it time to commit? */
typedef bool (*WfArchiveIsUp) (void *arg);

/* A slice, and where it is: good also when an error has ended it. */
typedef struct WfArchive
{
	WfKeep	   *rule;
	int			claimed;		/* so many it archives at most; in the end, those it has, or 1 */
	int			position;		/* which of them it is at; claimed: through */
	pg_uuid_t	item;			/* that one; zeroes: none yet */
} WfArchive;

extern void wf_archive_slice(WfArchive *archive, int limit, WfArchiveIsUp is_up, void *arg);
extern void wf_archive_failed(WfKeep *rule, const pg_uuid_t *item, const ErrorData *error);

#endif							/* WF_ARCHIVE_H */
