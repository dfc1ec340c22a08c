/*-------------------------------------------------------------------------
 *
 * api_tenant.c
 *	  workflow.tenant(), sees_tenant() and confine(): for whom sessions work.
 *
 * Runs in client backends, in executors where the author's code asks, and for each row
 * of the views that show what belongs to tenants.  store/tenant.c decides.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "base/errcodes.h"
#include "base/guc.h"
#include "base/jsonb.h"
#include "definition/privilege.h"
#include "store/origin.h"
#include "store/tenant.h"

PG_FUNCTION_INFO_V1(workflow_tenant);
PG_FUNCTION_INFO_V1(workflow_sees_tenant);
PG_FUNCTION_INFO_V1(workflow_confine);

/* SQL function workflow.tenant() of sql/parts/tenant.sql.  Locks nothing. */
Datum
workflow_tenant(PG_FUNCTION_ARGS)
{
	const char *current = wf_tenant_current();

	if (current == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(current));
}

/* SQL function workflow.sees_tenant(tenant) of sql/parts/tenant.sql.  Locks nothing. */
Datum
workflow_sees_tenant(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(wf_tenant_sees(PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0)));
}

/* The names of tenants in argument 1.  Returns how many. */
static int
read_tenants(FunctionCallInfo fcinfo, Datum **tenants)
{
	bool	   *nulls;
	int			n;

	*tenants = NULL;
	if (PG_ARGISNULL(1))
		return 0;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, tenants, &nulls, &n);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a role cannot be confined to no tenant at all"),
				 errhint("Null confines it no longer; a role that is to see nothing needs no grant.")));
	for (int i = 0; i < n; i++)
	{
		int			length = nulls[i] ? 0 : VARSIZE_ANY_EXHDR(DatumGetTextPP((*tenants)[i]));

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("an element of \"%s\" is null", "tenants")));
		if (length == 0 || length > WF_TENANT_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the name of a tenant must have 1 to %d bytes", WF_TENANT_MAX)));
	}
	return n;
}

/* Error 22023 for a role that nothing confines. */
static void
check_role(Oid role, const char *name)
{
	Oid			admin = get_role_oid("workflow_admin", true);

	if (superuser_arg(role) || (OidIsValid(admin) && has_privs_of_role(role, admin)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("role \"%s\" cannot be confined to tenants", name),
				 errdetail("It is a superuser or a member of workflow_admin.")));
}

static Jsonb *
detail_of(const char *role, int n, const Datum *tenants)
{
	static const char *keys[] = {"role", "tenants"};
	Jsonb	  **names = palloc(sizeof(Jsonb *) * (n + 1));
	Jsonb	   *values[2] = {wf_jsonb_string(role), NULL};

	for (int i = 0; i < n; i++)
		names[i] = wf_jsonb_string(TextDatumGetCString(tenants[i]));
	if (n > 0)
		values[1] = wf_jsonb_array(n, names);
	return wf_jsonb_object(lengthof(keys), keys, values);
}

/*
 * SQL function workflow.confine(role, tenants, note) of sql/parts/tenant.sql.  Deletes from
 * workflow.permission, and inserts; sessions hear of it at commit.
 */
Datum
workflow_confine(PG_FUNCTION_ARGS)
{
	Datum	   *tenants;
	Oid			role;
	Name		name;
	int			n;

	wf_api_require_admin("workflow.confine()");
	wf_arg_require(fcinfo, 0, "role");
	name = PG_GETARG_NAME(0);
	role = get_role_oid(NameStr(*name), false);
	n = read_tenants(fcinfo, &tenants);
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	if (n > 0)
		check_role(role, NameStr(*name));
	wf_privilege_confine(role, name, n, tenants);
	wf_note_object("confine", "role", NameStr(*name), 0, wf_arg_string_or_null(fcinfo, 2),
				   detail_of(NameStr(*name), n, tenants));
	SPI_finish();
	PG_RETURN_VOID();
}
