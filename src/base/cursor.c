/*-------------------------------------------------------------------------
 *
 * cursor.c
 *	  The cursors of this session.
 *
 * Runs in any backend.  It is asked before and after each call of an author's code,
 * where the view pg_cursors is too slow: 40,000 instructions to learn that there is
 * nothing.  ThereAreNoReadyPortals() leaves a scan of a hash table open when there
 * is one, of which a commit complains.  But each portal has a memory context, with
 * its name as identifier, below one that lives as long as the session.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/memnodes.h"
#include "utils/memutils.h"
#include "utils/portal.h"

#include "base/cursor.h"

/* The identifier of the portal without a name, and of one that has this name. */
#define UNNAMED "<unnamed>"

static MemoryContext
context_of_portals(void)
{
	static MemoryContext found = NULL;

	for (MemoryContext child = TopMemoryContext->firstchild; found == NULL && child != NULL;
		 child = child->nextchild)
		if (strcmp(child->name, "TopPortalContext") == 0)
			found = child;
	if (found == NULL)
		elog(ERROR, "the portals of the session were not found");
	return found;
}

/* One that is being executed is not, nor that of a loop, which PL/pgSQL pins. */
static bool
is_open(const char *name)
{
	Portal		portal = GetPortalByName(name);

	return PortalIsValid(portal) && portal->visible &&
		portal->status == PORTAL_READY && !portal->portalPinned;
}

/* Is there a cursor that could be closed, and replaced by another one? */
bool
wf_cursor_is_open(void)
{
	for (MemoryContext one = context_of_portals()->firstchild; one != NULL; one = one->nextchild)
		if (one->ident != NULL &&
			(is_open(one->ident) || (strcmp(one->ident, UNNAMED) == 0 && is_open(""))))
			return true;
	return false;
}
