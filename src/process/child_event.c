/*-------------------------------------------------------------------------
 *
 * child_event.c
 *	  The events by which a process tells its parent how it fares.
 *
 * Runs in any backend.  done.invoke.ID has the output of the child as its data,
 * and so has error.invoke.ID where the end is a failure.  Where the child has only
 * failed, and may be helped, it has the error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/jsonb.h"
#include "process/child_event.h"

/* The data of an event error.invoke.ID, in the current memory context. */
Jsonb *
wf_child_event_error(const char *sqlstate, const char *message)
{
	static const char *keys[] = {"sqlstate", "message"};
	Jsonb	   *values[] = {wf_jsonb_string(sqlstate), wf_jsonb_string(message)};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

/*
 * Is this what wf_child_event_error() has made, and not the output of a child whose end
 * is a failure?  data may be NULL: no output.
 */
bool
wf_child_event_is_error(const Jsonb *data)
{
	JsonbValue	buffer;

	return data != NULL && JB_ROOT_IS_OBJECT(data) && JB_ROOT_COUNT(data) == 2 &&
		getKeyJsonValueFromContainer((JsonbContainer *) &data->root, "sqlstate",
									 strlen("sqlstate"), &buffer) != NULL &&
		getKeyJsonValueFromContainer((JsonbContainer *) &data->root, "message",
									 strlen("message"), &buffer) != NULL;
}
