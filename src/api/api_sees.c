/*-------------------------------------------------------------------------
 *
 * api_sees.c
 *	  workflow.sees(): may the current role see a process?
 *
 * Runs in client backends, for each row of the views that show processes, and
 * locks nothing.  A query meets few definitions, so the answer for a definition
 * is kept for the rows that follow.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "definition/privilege.h"

PG_FUNCTION_INFO_V1(workflow_sees);

/* May the role read this definition? */
typedef struct Answer
{
	int32		definition;		/* hash key */
	bool		may_read;
} Answer;

/*
 * The answers that are kept between the calls of one expression.  They are good
 * for one user in one command.  An expression of PL/pgSQL lives longer than the
 * client's statement, which may also grant, revoke and roll back: then all
 * answers are forgotten.
 */
typedef struct Sight
{
	Oid			user;
	TimestampTz statement;
	SubTransactionId subxact;
	CommandId	command;
	const Answer *last;			/* rows of one definition often come together */
	HTAB	   *answers;
} Sight;

static HTAB *
make_answers(MemoryContext context)
{
	HASHCTL		control = {
		.keysize = sizeof(int32),
		.entrysize = sizeof(Answer),
		.hcxt = context
	};

	return hash_create("workflow sight", 16, &control,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* The answers of this expression; none if those that were kept are outdated. */
static Sight *
sight_of(FmgrInfo *function)
{
	Sight	   *sight = function->fn_extra;

	if (likely(sight != NULL &&
			   sight->user == GetUserId() &&
			   sight->statement == GetCurrentStatementStartTimestamp() &&
			   sight->subxact == GetCurrentSubTransactionId() &&
			   sight->command == GetCurrentCommandId(false)))
		return sight;

	if (sight == NULL)
		sight = MemoryContextAlloc(function->fn_mcxt, sizeof(Sight));
	else
		hash_destroy(sight->answers);
	function->fn_extra = NULL;
	sight->user = GetUserId();
	sight->statement = GetCurrentStatementStartTimestamp();
	sight->subxact = GetCurrentSubTransactionId();
	sight->command = GetCurrentCommandId(false);
	sight->last = NULL;
	sight->answers = make_answers(function->fn_mcxt);
	function->fn_extra = sight;
	return sight;
}

/* May the current role read the definition whose id is argument 0? */
static Datum
may_read(PG_FUNCTION_ARGS)
{
	bool		result;

	wf_api_connect_to_look();
	result = wf_privilege_may_by_id(PG_GETARG_INT32(0), "read");
	SPI_finish();
	PG_RETURN_BOOL(result);
}

/* The answer for the definition whose id is argument 0. */
static const Answer *
answer(Sight *sight, FunctionCallInfo fcinfo)
{
	int32		definition = PG_GETARG_INT32(0);
	Answer	   *found = hash_search(sight->answers, &definition, HASH_FIND, NULL);
	bool		may;

	if (found != NULL)
		return found;
	/* This may throw: then there must be no entry. */
	may = DatumGetBool(wf_api_look(may_read, fcinfo));
	found = hash_search(sight->answers, &definition, HASH_ENTER, NULL);
	found->may_read = may;
	return found;
}

/*
 * SQL function workflow.sees(definition id, starter) of sql/parts/process.sql:
 * a role that may read the definition sees all of its processes, others see
 * those that they have started.  Whether it may read comes first, because in a
 * database that was not adopted yet the OID of a starter may be that of another
 * role; there this throws for all but administrators.
 */
Datum
workflow_sees(PG_FUNCTION_ARGS)
{
	int32		definition = PG_GETARG_INT32(0);
	Oid			starter = PG_GETARG_OID(1);
	Sight	   *sight = sight_of(fcinfo->flinfo);

	if (sight->last == NULL || sight->last->definition != definition)
		sight->last = answer(sight, fcinfo);
	PG_RETURN_BOOL(sight->last->may_read || starter == sight->user);
}
