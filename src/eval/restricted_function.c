/*-------------------------------------------------------------------------
 *
 * restricted_function.c
 *	  Functions of the server that work on the session as a whole.
 *
 * Runs in backends of clients.  These functions ask nobody's rights: what the
 * session has open or holds is everybody's who can run code in it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"

#include "eval/restricted.h"
#include "eval/restricted_function.h"

typedef enum Kind
{
	HARMLESS,
	DESCRIPTOR,					/* of a large object */
	LOCK,						/* advisory, of the session */
	SEED
} Kind;

static Kind
kind_of(Oid function)
{
	switch (function)
	{
			/* one that is left open would be the next one's neighbour */
		case F_LO_OPEN:
		case F_LO_CLOSE:
		case F_LOREAD:
		case F_LOWRITE:
		case F_LO_LSEEK:
		case F_LO_LSEEK64:
		case F_LO_TELL:
		case F_LO_TELL64:
		case F_LO_TRUNCATE:
		case F_LO_TRUNCATE64:
			return DESCRIPTOR;
		case F_PG_ADVISORY_LOCK_INT8:
		case F_PG_ADVISORY_LOCK_INT4_INT4:
		case F_PG_ADVISORY_LOCK_SHARED_INT8:
		case F_PG_ADVISORY_LOCK_SHARED_INT4_INT4:
		case F_PG_TRY_ADVISORY_LOCK_INT8:
		case F_PG_TRY_ADVISORY_LOCK_INT4_INT4:
		case F_PG_TRY_ADVISORY_LOCK_SHARED_INT8:
		case F_PG_TRY_ADVISORY_LOCK_SHARED_INT4_INT4:
		case F_PG_ADVISORY_UNLOCK_INT8:
		case F_PG_ADVISORY_UNLOCK_INT4_INT4:
		case F_PG_ADVISORY_UNLOCK_SHARED_INT8:
		case F_PG_ADVISORY_UNLOCK_SHARED_INT4_INT4:
		case F_PG_ADVISORY_UNLOCK_ALL:
			return LOCK;
		case F_SETSEED:
			return SEED;
		default:
			return HARMLESS;
	}
}

/* Does a function of the server work on the session as a whole? */
bool
wf_restricted_function_is(Oid function)
{
	return kind_of(function) != HARMLESS;
}

/*
 * The function of the server that another one is by another name, which a
 * superuser can make; or the function itself.
 */
static Oid
real_function(Oid function)
{
	Oid			real = function;
	HeapTuple	tuple;

	if (function < FirstNormalObjectId)
		return function;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return function;
	if (((Form_pg_proc) GETSTRUCT(tuple))->prolang == INTERNALlanguageId)
	{
		bool		isnull;
		Datum		source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &isnull);

		real = isnull ? function : fmgr_internal_function(TextDatumGetCString(source));
	}
	ReleaseSysCache(tuple);
	return real;
}

/*
 * Refuse to call such a function in code of another role: error 42501.  Other
 * functions pass.
 */
void
wf_restricted_function_refuse(Oid function)
{
	switch (kind_of(real_function(function)))
	{
		case HARMLESS:
			break;
		case DESCRIPTOR:
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("actions cannot use descriptors of large objects in a session that is not their owner's"),
					 errdetail("Descriptors belong to the session, whoever has opened them. Functions that take an OID, such as lo_get(), are not restricted."),
					 errhint(WF_HINT_POST)));
			break;
		case LOCK:
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("actions cannot take or release advisory locks of a session that is not their owner's"),
					 errdetail("Locks of the transaction, such as those of pg_advisory_xact_lock(), are not restricted."),
					 errhint(WF_HINT_POST)));
			break;
		case SEED:
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("actions cannot set the seed of random numbers in a session that is not their owner's"),
					 errhint(WF_HINT_POST)));
			break;
	}
}
