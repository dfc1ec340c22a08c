/*-------------------------------------------------------------------------
 *
 * known.c
 *	  Events that no version of a definition knows.
 *
 * Runs in any backend, and locks nothing.  Such an event is most likely a
 * mistyped one.  It is ignored, as one for which no active state has a handler
 * is; but somebody should be told.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/errcodes.h"
#include "base/guc.h"
#include "base/quote.h"
#include "base/version.h"
#include "chart/chart.h"
#include "definition/versions.h"
#include "process/known.h"
#include "process/stepper.h"

/* A session remembers so many warnings that it has given. */
#define MANY 10000

/* Does this version react to the event in some state, or defer it there? */
static bool
knows(const WfDefinition *definition, const char *event)
{
	const WfChart *chart = definition->chart;

	for (int i = 0; i < chart->nstates; i++)
	{
		const WfState *state = &chart->states[i];

		for (int h = 0; h < state->nhandlers; h++)
			if (wf_chart_descriptor_matches(state->handlers[h].descriptor, event))
				return true;
		for (int d = 0; d < state->ndefer; d++)
			if (wf_chart_descriptor_matches(state->defer[d], event))
				return true;
	}
	return false;
}

/*
 * Does any version of the definition know this event?  True for those that the
 * engine makes.  True where the SQL is older than 0.3.0, which tells nobody.
 * SPI must be connected.
 */
bool
wf_known_to(const WfDefinition *definition, const char *event)
{
	return wf_chart_reserved_prefix(event, false) != NULL || knows(definition, event) ||
		!wf_version_has_column("early", "until") ||
		wf_versions_any(definition->name, knows, event);
}

/*
 * The same, for an event that has reached a process and was not taken.  True in a
 * simulation, whose definition may be stored nowhere.
 */
bool
wf_known_event(const WfProcess *process, const char *event)
{
	return process->stepper->observer != NULL || wf_known_to(process->definition, event);
}

/* Has this session not been told of the event before? */
static bool
is_news(const char *definition, const char *event)
{
	static HTAB *told = NULL;
	uint64		key = hash_bytes_extended((const unsigned char *) definition, strlen(definition),
										  hash_bytes_extended((const unsigned char *) event,
															  strlen(event), 0));
	HASHCTL		control = {.keysize = sizeof(uint64),.entrysize = sizeof(uint64),
	.hcxt = TopMemoryContext};
	bool		found;

	if (told != NULL && hash_get_num_entries(told) >= MANY)
	{
		hash_destroy(told);
		told = NULL;
	}
	if (told == NULL)
		told = hash_create("unknown events of workflow", 64, &control,
						   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	(void) hash_search(told, &key, HASH_ENTER, &found);
	return !found;
}

/*
 * Tell that no version of the definition knows the event: with error WF015, if
 * `refuse` and workflow.unknown_events says so, else with a warning, once a
 * session, definition and event.
 */
void
wf_known_tell(const char *definition, const char *event, bool refuse)
{
	if (refuse && wf_unknown_events == WF_UNKNOWN_EVENTS_ERROR)
		ereport(ERROR,
				(errcode(WF_ERR_UNKNOWN_EVENT),
				 errmsg("no version of definition \"%s\" knows the event \"%s\"",
						definition, wf_quote(event)),
				 errdetail("The setting workflow.unknown_events is \"error\".")));
	if (is_news(definition, event))
		ereport(WARNING,
				(errcode(WF_ERR_UNKNOWN_EVENT),
				 errmsg("no version of definition \"%s\" knows the event \"%s\"",
						definition, wf_quote(event)),
				 errhint("Set workflow.unknown_events to \"error\" to have such events refused.")));
}
