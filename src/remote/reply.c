/*-------------------------------------------------------------------------
 *
 * reply.c
 *	  On a standby: what became of a run, from the executor to the courier.
 *
 * Runs in executors, which leave it in a segment of shared memory that outlives them, and in
 * the courier, which takes it from there, and keeps it until the other server has answered.
 * A standby can write no row: when the courier ends before that, the run is done once more,
 * and that changes nothing, since it can only read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/dsm.h"
#include "utils/memutils.h"

#include "remote/reply.h"
#include "shmem/errand.h"

/* A segment begins so; result, error and what was said follow, each aligned. */
typedef struct Head
{
	pg_uuid_t	run;
	int32		round;
	int64		fence;
	bool		final;
	Size		result;			/* bytes; 0: none */
	Size		error;
	Size		said;
} Head;

/* What the other server has not heard of. */
typedef struct Kept
{
	MemoryContext context;		/* of all of it */
	WfOutcome	outcome;
	struct Kept *next;
} Kept;

static bool used = false;		/* this process works on a standby */
static Kept *first = NULL;		/* the earliest one */

/* This process works on a standby, and stays what it is when that is promoted. */
void
wf_reply_begin(void)
{
	used = true;
}

/* Does it? */
bool
wf_reply_is_used(void)
{
	return used;
}

/* --- the executor ------------------------------------------------------------------------- */

/* Bytes of a value; 0: there is none. */
static Size
size_of(const Jsonb *value)
{
	return value == NULL ? 0 : VARSIZE(value);
}

static void
write_into(char *at, const WfOutcome *outcome)
{
	Head	   *head = (Head *) at;

	*head = (Head) {
		.run = outcome->run,.round = outcome->round,.fence = outcome->fence,.final = outcome->final,
		.result = size_of(outcome->result),.error = size_of(outcome->error),
		.said = size_of(outcome->said)
	};
	at += MAXALIGN(sizeof(Head));
	if (head->result > 0)
		memcpy(at, outcome->result, head->result);
	at += MAXALIGN(head->result);
	if (head->error > 0)
		memcpy(at, outcome->error, head->error);
	at += MAXALIGN(head->error);
	if (head->said > 0)
		memcpy(at, outcome->said, head->said);
}

/*
 * Leave what has become of the run for the courier.  When there is no room, it finds
 * nothing, and says so.
 */
void
wf_reply_leave(const WfOutcome *outcome)
{
	Size		size = MAXALIGN(sizeof(Head)) + MAXALIGN(size_of(outcome->result)) +
		MAXALIGN(size_of(outcome->error)) + size_of(outcome->said);
	dsm_segment *segment = dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS);

	if (segment == NULL)
		return;
	write_into(dsm_segment_address(segment), outcome);
	dsm_pin_segment(segment);
	if (!wf_errand_leave_outcome(dsm_segment_handle(segment)))
		dsm_unpin_segment(dsm_segment_handle(segment));
	dsm_detach(segment);
}

/* --- the courier --------------------------------------------------------------------------- */

/* A copy of a value, in the current memory context. */
static Jsonb *
copy(const char *at, Size size)
{
	return size == 0 ? NULL : memcpy(palloc(size), at, size);
}

/* Keep what a segment says, behind all others. */
static void
keep(const char *at)
{
	const Head *head = (const Head *) at;
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "workflow outcome", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Kept	   *kept = palloc0(sizeof(Kept));
	Kept	  **last = &first;

	kept->context = context;
	kept->outcome.run = head->run;
	kept->outcome.round = head->round;
	kept->outcome.fence = head->fence;
	kept->outcome.final = head->final;
	at += MAXALIGN(sizeof(Head));
	kept->outcome.result = copy(at, head->result);
	at += MAXALIGN(head->result);
	kept->outcome.error = copy(at, head->error);
	at += MAXALIGN(head->error);
	kept->outcome.said = copy(at, head->said);
	while (*last != NULL)
		last = &(*last)->next;
	*last = kept;
	MemoryContextSwitchTo(old);
}

/* Take what was left in a place of that claim of a run; false: nothing. */
bool
wf_reply_take(int place, const pg_uuid_t *run, int64 fence)
{
	dsm_handle	handle = wf_errand_take_outcome(place);
	dsm_segment *segment = handle == DSM_HANDLE_INVALID ? NULL : dsm_attach(handle);
	const Head *head;
	bool		fits;

	if (segment == NULL)
		return false;
	dsm_unpin_segment(handle);
	head = dsm_segment_address(segment);
	fits = memcmp(&head->run, run, sizeof(pg_uuid_t)) == 0 && head->fence == fence;
	if (fits)
		keep((const char *) head);
	dsm_detach(segment);
	return fits;
}

/* Nobody wants what was left in a place. */
void
wf_reply_drop(int place)
{
	dsm_handle	handle = wf_errand_take_outcome(place);

	if (handle != DSM_HANDLE_INVALID)
		dsm_unpin_segment(handle);
}

/* What the other server has not heard of, the first ones, for as long as they are not told. */
int
wf_reply_untold(int most, WfOutcome **outcomes)
{
	int			n = 0;

	*outcomes = palloc(sizeof(WfOutcome) * most);
	for (const Kept *kept = first; kept != NULL && n < most; kept = kept->next)
		(*outcomes)[n++] = kept->outcome;
	return n;
}

/* The other server has heard of it. */
void
wf_reply_told(const WfOutcome *outcome)
{
	for (Kept **at = &first; *at != NULL; at = &(*at)->next)
	{
		Kept	   *kept = *at;

		if (kept->outcome.fence != outcome->fence ||
			memcmp(&kept->outcome.run, &outcome->run, sizeof(pg_uuid_t)) != 0)
			continue;
		*at = kept->next;
		MemoryContextDelete(kept->context);
		return;
	}
}
