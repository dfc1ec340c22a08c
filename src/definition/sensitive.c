/*-------------------------------------------------------------------------
 *
 * sensitive.c
 *	  What only the owners of definitions and jobs see.
 *
 * Runs in any backend.  Here stands who that is; what is hidden from all others, and
 * how, is in base/mask.c.  Views ask by workflow.masked() (api/api_mask.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "definition/sensitive.h"
#include "store/statement.h"

/*
 * Are sensitive values of what this role owns hidden from the current user?  Not from
 * the role, its members, and superusers, who can read the tables; nor from the owner
 * of the tables, as whom our statements read views: whoever has them executed asks
 * again.  No privilege is enough, nor is workflow_admin.
 */
bool
wf_sensitive_hides_of(Oid owner)
{
	Oid			user = GetUserId();

	return !superuser_arg(user) && user != wf_statement_owner() &&
		!(OidIsValid(owner) && has_privs_of_role(user, owner));
}

/* Is there anything of its processes that the current user is not shown? */
bool
wf_sensitive_hides(const WfDefinition *definition)
{
	return unlikely(definition->chart->nsensitive > 0) &&
		wf_sensitive_hides_of(definition->role);
}

/* What is hidden of a process of this definition with this context. */
WfMask *
wf_sensitive_mask(const WfDefinition *definition, Datum context)
{
	WfMask	   *mask = wf_mask_new(definition->chart->nsensitive, definition->chart->sensitive);

	wf_mask_learn(mask, DatumGetJsonbP(context));
	return mask;
}

/*
 * What the current user is shown of a document of a process with this context, which
 * may be that context.
 */
Datum
wf_sensitive_show(const WfDefinition *definition, Datum document, Datum context)
{
	if (likely(!wf_sensitive_hides(definition)))
		return document;
	return JsonbPGetDatum(wf_mask_document(wf_sensitive_mask(definition, context),
										   DatumGetJsonbP(document)));
}

/* JSON pointers as text[], in the current memory context; NULL if there are none. */
ArrayType *
wf_sensitive_pointers(int n, const char *const *pointers)
{
	Datum	   *texts = palloc(sizeof(Datum) * (n + 1));

	for (int i = 0; i < n; i++)
		texts[i] = CStringGetTextDatum(pointers[i]);
	return n == 0 ? NULL : construct_array(texts, n, TEXTOID, -1, false, TYPALIGN_INT);
}
