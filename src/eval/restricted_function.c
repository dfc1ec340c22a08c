/*-------------------------------------------------------------------------
 *
 * restricted_function.c
 *	  Functions that work on the session as a whole.
 *
 * Runs in backends of clients.  These functions ask nobody's rights: what the
 * session has open or holds is everybody's who can run code in it.  They are the
 * server's, and those of dblink, whose connections somebody else has logged in.
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
	CONNECTION,					/* of dblink */
	SEED
} Kind;

/* Does a function take an advisory lock that outlives the transaction? */
bool
wf_restricted_function_locks(Oid function)
{
	switch (function)
	{
		case F_PG_ADVISORY_LOCK_INT8:
		case F_PG_ADVISORY_LOCK_INT4_INT4:
		case F_PG_ADVISORY_LOCK_SHARED_INT8:
		case F_PG_ADVISORY_LOCK_SHARED_INT4_INT4:
		case F_PG_TRY_ADVISORY_LOCK_INT8:
		case F_PG_TRY_ADVISORY_LOCK_INT4_INT4:
		case F_PG_TRY_ADVISORY_LOCK_SHARED_INT8:
		case F_PG_TRY_ADVISORY_LOCK_SHARED_INT4_INT4:
			return true;
		default:
			return false;
	}
}

/* The kind of a function of the server. */
static Kind
kind_of_builtin(Oid function)
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
		case F_PG_ADVISORY_UNLOCK_INT8:
		case F_PG_ADVISORY_UNLOCK_INT4_INT4:
		case F_PG_ADVISORY_UNLOCK_SHARED_INT8:
		case F_PG_ADVISORY_UNLOCK_SHARED_INT4_INT4:
		case F_PG_ADVISORY_UNLOCK_ALL:
			return LOCK;
		case F_SETSEED:
			return SEED;
		default:
			return wf_restricted_function_locks(function) ? LOCK : HARMLESS;
	}
}

/* Functions of dblink that know of no connection. */
static const char *const unconnected[] = {
	"dblink_build_sql_delete", "dblink_build_sql_insert", "dblink_build_sql_update",
	"dblink_current_query", "dblink_fdw_validator", "dblink_get_pkey"
};

static char *
text_of(HeapTuple tuple, AttrNumber attribute)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(PROCOID, tuple, attribute, &isnull);

	return isnull ? pstrdup("") : TextDatumGetCString(value);
}

/* The kind of a function in C, which a library is asked for by its symbol. */
static Kind
kind_of_symbol(HeapTuple tuple)
{
	const char *path = text_of(tuple, Anum_pg_proc_probin);
	const char *slash = last_dir_separator(path);
	const char *library = slash != NULL ? slash + 1 : path;
	char	   *symbol;

	if (strcmp(library, "dblink") != 0 && strcmp(library, "dblink" DLSUFFIX) != 0)
		return HARMLESS;
	symbol = text_of(tuple, Anum_pg_proc_prosrc);
	for (int i = 0; i < (int) lengthof(unconnected); i++)
		if (strcmp(symbol, unconnected[i]) == 0)
			return HARMLESS;
	return CONNECTION;
}

/*
 * The kind of any function.  One of the server may have another name, too, which a
 * superuser can give it.
 */
static Kind
kind_of(Oid function)
{
	HeapTuple	tuple;
	Kind		kind = HARMLESS;
	Oid			language;

	if (function < FirstNormalObjectId)
		return kind_of_builtin(function);
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return HARMLESS;
	language = ((Form_pg_proc) GETSTRUCT(tuple))->prolang;
	if (language == INTERNALlanguageId)
		kind = kind_of_builtin(fmgr_internal_function(text_of(tuple, Anum_pg_proc_prosrc)));
	else if (language == ClanguageId)
		kind = kind_of_symbol(tuple);
	ReleaseSysCache(tuple);
	return kind;
}

/* Does a function work on the session as a whole? */
bool
wf_restricted_function_is(Oid function)
{
	return kind_of(function) != HARMLESS;
}

/*
 * Refuse to call such a function in code of another role: error 42501.  Other
 * functions pass.
 */
void
wf_restricted_function_refuse(Oid function)
{
	switch (kind_of(function))
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
		case CONNECTION:
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("actions cannot use dblink in a session that is not their owner's"),
					 errdetail("Its connections belong to the session, whoever has opened them."),
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
