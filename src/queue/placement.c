/*-------------------------------------------------------------------------
 *
 * placement.c
 *	  Where the runs of a queue may be done.
 *
 * Runs in any backend that looks for runs.  The elements of a placement are tried in order,
 * and the first one that is usable counts, for all runs of the queue: those of a queue that
 * is placed elsewhere are passed over, as those of one that is paused.  But a run that was
 * given back, because it cannot be done where it was, begins behind that.  No row is changed
 * when another element comes to count; who looks for runs is told (shmem/member_change.c,
 * shmem/placed.c), and looks again.
 *
 * Which members live is read in shared memory, as it was when somebody has read the tables
 * last; who is able to does that before he looks (cluster/member_load.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/version.h"
#include "queue/placement.h"
#include "store/statement.h"

#define RUNTIME	"runtime:"

/* Queues that are not done here in any case. */
static WfStatement placed_statement = {
	.sql = "SELECT q.id FROM workflow.queue q WHERE q.placement[1] OPERATOR(pg_catalog.<>) 'any'",
	.latest = true
};

/* --- as it is set ------------------------------------------------------------------ */

static bool
read_runtime(const char *text, WfPlace *place)
{
	const char *id = text + strlen(RUNTIME);

	if (strncmp(text, RUNTIME, strlen(RUNTIME)) != 0 || id[0] == '\0' || strlen(id) > WF_RUNTIME_ID_MAX)
		return false;
	*place = (WfPlace) {WF_PLACE_RUNTIME, id};
	return true;
}

/* An element of a placement, which points into the text; false: there is no such. */
bool
wf_placement_read_place(const char *text, WfPlace *place)
{
	static const struct
	{
		const char *text;
		WfPlaceKind kind;
	}			words[] = {
		{"any", WF_PLACE_ANY}, {"local", WF_PLACE_LOCAL}, {"role:engine", WF_PLACE_ENGINE},
		{"standby", WF_PLACE_STANDBY}
	};

	for (int i = 0; i < (int) lengthof(words); i++)
		if (strcmp(words[i].text, text) == 0)
		{
			*place = (WfPlace) {words[i].kind, NULL};
			return true;
		}
	return read_runtime(text, place);
}

/* Read a placement that was checked, in the current memory context. */
void
wf_placement_read(ArrayType *array, WfPlacement *placement)
{
	WfPlace    *places;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	places = palloc(sizeof(WfPlace) * (n + 1));
	placement->n = 0;
	placement->places = places;
	for (int i = 0; i < n && !nulls[i]; i++)
		if (wf_placement_read_place(TextDatumGetCString(elements[i]), &places[placement->n]))
			placement->n++;
	/* what is behind it is never tried */
	if (placement->n > 0 && places[0].kind == WF_PLACE_ANY)
		placement->n = 0;
}

/* Is it one of a queue that is never placed elsewhere? */
bool
wf_placement_is_plain(ArrayType *array)
{
	WfPlacement placement;

	wf_placement_read(array, &placement);
	return placement.n == 0;
}

/*
 * The queues of which that cannot be said, in the current memory context.  Returns how many.
 * SPI must be connected.
 */
int
wf_placement_list(int32 **queues)
{
	bool		isnull;
	int			n;

	*queues = NULL;
	if (!wf_version_has_column("queue", "placement"))
		return 0;
	n = (int) wf_statement_execute(&placed_statement, NULL, NULL, 0);
	*queues = palloc(sizeof(int32) * (n + 1));
	for (int i = 0; i < n; i++)
		(*queues)[i] = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	return n;
}

/* --- as it is ---------------------------------------------------------------------- */

/*
 * Which members an element means.  Runs with a command other servers do, when any engine
 * may; those without, applications.
 */
static WfMemberFilter
filter_of(const WfPlace *place, bool outside)
{
	WfMemberFilter filter = {.id = place->runtime};

	filter.engine = place->kind == WF_PLACE_ENGINE;
	switch (place->kind)
	{
		case WF_PLACE_ANY:
		case WF_PLACE_LOCAL:
			filter.kinds[WF_RUNTIME_LOCAL] = true;
			break;
		case WF_PLACE_RUNTIME:
			for (int kind = 0; kind < (int) lengthof(filter.kinds); kind++)
				filter.kinds[kind] = true;
			break;
		case WF_PLACE_ENGINE:
			filter.kinds[WF_RUNTIME_LOCAL] = filter.kinds[WF_RUNTIME_REMOTE] = !outside;
			filter.kinds[WF_RUNTIME_APPLICATION] = outside;
			break;
		case WF_PLACE_STANDBY:
			filter.kinds[WF_RUNTIME_STANDBY] = true;
			break;
	}
	return filter;
}

/* Is this an element for which nobody has to live?  A worker is no part of a server. */
static bool
is_open(const WfPlace *place, bool outside)
{
	return place->kind == WF_PLACE_ANY || (outside && place->kind == WF_PLACE_LOCAL);
}

static bool
is_usable(const WfPlace *place, bool outside)
{
	WfMemberFilter filter = filter_of(place, outside);

	return is_open(place, outside) || wf_member_works(&filter) ||
		(!outside && wf_member_is_local(&filter));
}

/*
 * The place of the first element that is usable, of those behind the first ones, for runs
 * without a command or others; n: there is none.
 */
int
wf_placement_next(const WfPlacement *placement, bool outside, int passed)
{
	int			next = passed;

	while (next < placement->n && !is_usable(&placement->places[next], outside))
		next++;
	return Min(next, placement->n);
}

/*
 * The element that counts, for runs without a command or others, which were given back of the
 * first ones: when there is no other, those count again.  NULL: none, or, n = 0, the queue is
 * done here or by any worker.
 */
const WfPlace *
wf_placement_current(const WfPlacement *placement, bool outside, int passed)
{
	int			next = wf_placement_next(placement, outside, passed);

	if (next == placement->n && passed > 0)
		next = wf_placement_next(placement, outside, 0);
	return next < placement->n ? &placement->places[next] : NULL;
}

/* Are such runs of a queue for whoever asks, as it stands? */
bool
wf_placement_is_for(const WfPlacement *placement, const WfPlacementAsker *asker)
{
	const WfPlace *place = wf_placement_current(placement, asker->outside, asker->passed);
	WfMemberFilter filter;

	if (placement->n > 0 && place == NULL)
		return false;
	if (place == NULL || is_open(place, asker->outside))
		return asker->outside || asker->member == NULL;
	filter = filter_of(place, asker->outside);
	if (asker->member != NULL)
		return wf_member_matches(asker->member, &filter);
	return !asker->outside && wf_member_is_local(&filter);
}
