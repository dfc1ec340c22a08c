/*-------------------------------------------------------------------------
 *
 * runtime_arg.c
 *	  Arguments of the functions that runtimes call.
 *
 * Runs in the sessions of runtimes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "api/arg.h"
#include "api/runtime_arg.h"
#include "base/guc.h"

/* The id of a runtime.  Errors: 22004 null, 22023 empty, 22001 too long. */
char *
wf_runtime_arg_id(FunctionCallInfo fcinfo, int n)
{
	return wf_runtime_arg_named(fcinfo, n, "id");
}

/* The same in an argument of another name. */
char *
wf_runtime_arg_named(FunctionCallInfo fcinfo, int n, const char *name)
{
	char	   *id = wf_arg_string(fcinfo, n, name);

	if (id[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the id of a runtime must not be empty")));
	if (strlen(id) > WF_RUNTIME_ID_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("the id of a runtime is too long"),
				 errdetail("It has %zu bytes, of %d that are allowed.", strlen(id), WF_RUNTIME_ID_MAX)));
	return id;
}

/* The epoch of a runtime.  Error 22004. */
int64
wf_runtime_arg_epoch(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"epoch\" must not be null"),
				 errhint("It is what register_runtime() has returned.")));
	return PG_GETARG_INT64(n);
}
