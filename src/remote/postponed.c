/*-------------------------------------------------------------------------
 *
 * postponed.c
 *	  Runs of another server that were claimed, and that no executor can take just now.
 *
 * Runs in the courier, in whose memory they are.  The place that a run is to have is taken by
 * an executor of another role, which was told to go; or a standby has not replayed what the run is
 * to see.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/uuid.h"
#include "remote/crew.h"
#include "remote/postponed.h"
#include "remote/reply.h"

/* How long (ms) a standby may be behind one of them. */
#define PATIENCE	5000

typedef struct Postponed
{
	WfParcel	parcel;
	Oid			role;
	int64		since;			/* steady */
} Postponed;

static Postponed *postponed = NULL; /* workflow.max_remote_executors */
static int	npostponed = 0;
static MemoryContext texts;		/* of their parcels */

/* Once, in the courier. */
void
wf_postponed_begin(void)
{
	postponed = MemoryContextAllocZero(TopMemoryContext, sizeof(Postponed) * wf_max_remote_executors);
	texts = AllocSetContextCreate(TopMemoryContext, "workflow postponed runs", ALLOCSET_SMALL_SIZES);
}

static void
postpone(const WfParcel *parcel, Oid role)
{
	MemoryContext old = MemoryContextSwitchTo(texts);
	Postponed  *run = &postponed[npostponed++];

	Assert(npostponed <= wf_max_remote_executors);
	*run = (Postponed) {.parcel = *parcel,.role = role,.since = wf_clock_real_steady()};
	for (int i = 0; i < WF_PARCEL_FIELDS; i++)
		if (parcel->fields[i] != NULL)
			run->parcel.fields[i] = pstrdup(parcel->fields[i]);
	MemoryContextSwitchTo(old);
}

/* Can a standby see all that a run is to see? */
static bool
has_replayed(const WfParcel *parcel)
{
	return !wf_reply_is_used() || GetXLogReplayRecPtr(NULL) >= parcel->position;
}

/*
 * Try to give a run to an executor of that role.  False: none can take it just now; or there is an
 * error, in the current memory context: it may be too much for the shared memory of the system.
 */
static bool
try_to_give(const WfParcel *parcel, Oid role, ErrorData **error)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool given = false;

	*error = NULL;
	if (!has_replayed(parcel))
		return false;
	PG_TRY();
	{
		given = wf_crew_give(parcel, role);
	}
	PG_CATCH();
	{
		/* there is no transaction whose end would do that */
		LWLockReleaseAll();
		MemoryContextSwitchTo(context);
		*error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	return given;
}

/* Give a run to an executor of that role, now or later.  NULL; or the error that keeps it from being done here. */
ErrorData *
wf_postponed_give(const WfParcel *parcel, Oid role)
{
	ErrorData  *error;

	if (!try_to_give(parcel, role, &error) && error == NULL)
		postpone(parcel, role);
	return error;
}

/* Give those that can be given by now.  False: one of them cannot be, ever, and is forgotten. */
bool
wf_postponed_give_again(void)
{
	int			left = 0;
	bool		good = true;

	for (int i = 0; i < npostponed; i++)
	{
		ErrorData  *error;

		if (try_to_give(&postponed[i].parcel, postponed[i].role, &error))
			continue;
		if (error == NULL)
			postponed[left++] = postponed[i];
		else
			good = false;
	}
	npostponed = left;
	if (left == 0)
		MemoryContextReset(texts);
	return good;
}

/* They are not ours any more. */
void
wf_postponed_forget(void)
{
	npostponed = 0;
	MemoryContextReset(texts);
}

/* Is there any? */
bool
wf_postponed_any(void)
{
	return npostponed > 0;
}

/* They are added to the elements of an array's text. */
void
wf_postponed_list(StringInfo runs)
{
	for (int i = 0; i < npostponed; i++)
		appendStringInfo(runs, "%s%s", runs->len == 0 ? "" : ",", wf_uuid_text(&postponed[i].parcel.run));
}

/* Has a standby been behind one of them for too long?  Then it is to have replayed that position. */
bool
wf_postponed_is_behind(uint64 *position)
{
	int64		since = wf_clock_real_steady() - PATIENCE * INT64CONST(1000);

	for (int i = 0; i < npostponed; i++)
		if (postponed[i].since < since && !has_replayed(&postponed[i].parcel))
		{
			*position = postponed[i].parcel.position;
			return true;
		}
	return false;
}
