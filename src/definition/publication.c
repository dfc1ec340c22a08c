/*-------------------------------------------------------------------------
 *
 * publication.c
 *	  Who gets what is published.
 *
 * Runs in the session that publishes, and in the runtime, which looks again for those
 * who began to wait at the same time: see store/published.c.  Who publishes reaches
 * processes of definitions to which that role may send.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "definition/definition.h"
#include "definition/event_data.h"
#include "definition/privilege.h"
#include "definition/publication.h"
#include "store/timer.h"

/* As long as transactions are waited for, we look so often (ms). */
#define PAUSE	500

/* Insert an event for processes of these definitions (names). */
static uint64
insert(const WfPublished *published, Datum *definitions, int n)
{
	return n == 0 ? 0 :
		wf_timer_publish(published, construct_array(definitions, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* The data as the newest version of a definition declares them.  Error WF013 if they do not fit. */
static Jsonb *
data_for(const WfPublished *published, const WfAwaiter *awaiter)
{
	WfDefinition *definition = wf_definition_newest(awaiter->definition);

	return definition == NULL ? published->data :
		wf_event_data_check(definition, published->event, published->data);
}

/*
 * Insert an event for those of these definitions that are the owner's own, or are not.
 * Those that get other data than was published have a statement of their own.
 */
static uint64
deliver_to(const WfPublished *published, Oid role, const WfAwaiter *awaiters, int n, bool own,
		   bool checks)
{
	Datum	   *allowed = palloc(sizeof(Datum) * (n + 1));
	int			nallowed = 0;
	uint64		delivered = 0;

	for (int i = 0; i < n; i++)
	{
		Datum		definition = CStringGetTextDatum(awaiters[i].definition);
		WfPublished one = *published;

		if (has_privs_of_role(role, awaiters[i].role) != own ||
			!wf_privilege_role_may_on(role, WF_PRIVILEGE_DEFINITION, awaiters[i].definition,
									  awaiters[i].role, "send"))
			continue;
		if (checks)
			one.data = data_for(published, &awaiters[i]);
		if (one.data == published->data)
			allowed[nallowed++] = definition;
		else
			delivered += insert(&one, &definition, 1);
	}
	return delivered + insert(published, allowed, nallowed);
}

/*
 * Insert an event for all who wait for it, but for those that were seen before.  Returns
 * how many there are.  acts: this is the session that publishes, where it was checked that the
 * role may act for the actor with all of them, and where data are checked; otherwise it does so
 * only with definitions of its own, and who gets the event checks its data.  SPI must be connected,
 * as for the other.
 */
uint64
wf_publication_deliver(const WfPublished *published, bool acts)
{
	Oid			role = get_role_oid(published->role, true);
	WfPublished others = *published;
	WfAwaiter  *awaiters;
	int			n = wf_published_awaiters(published, &awaiters);

	if (n == 0 || !OidIsValid(role))
		return 0;
	if (!acts)
		others.actor = published->role;
	return deliver_to(published, role, awaiters, n, true, acts) +
		deliver_to(&others, role, awaiters, n, false, acts);
}

/*
 * For the runtime: deliver what is kept to those who began to wait for it when it was
 * published, a piece of it; *more: there may be others.  Returns when to look again;
 * infinity: all have it.
 */
TimestampTz
wf_publication_settle(bool *more)
{
	WfPublished *published;
	int			n = wf_published_unsettled(&published);
	int			settled = 0;

	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		(void) wf_publication_deliver(&published[i], false);
		settled += wf_published_looked(&published[i]);
	}
	if (n > 0 && settled == n)
		*more = true;
	return settled == n ? DT_NOEND : TimestampTzPlusMilliseconds(wf_clock_now(), PAUSE);
}
