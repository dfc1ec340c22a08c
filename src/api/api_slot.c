/*-------------------------------------------------------------------------
 *
 * api_slot.c
 *	  The slots that the ids of processes carry.
 *
 * Runs in any backend, and reads no table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/uuid.h"

#include "base/uuid.h"

PG_FUNCTION_INFO_V1(workflow_slot);
PG_FUNCTION_INFO_V1(workflow_slot_of_key);

/*
 * SQL function workflow.slot(process) of sql/parts/process.sql.  Locks nothing.
 */
Datum
workflow_slot(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(wf_uuid_slot(PG_GETARG_UUID_P(0)));
}

/*
 * SQL function workflow.slot_of_key(key) of sql/parts/process.sql.  Locks
 * nothing.
 */
Datum
workflow_slot_of_key(PG_FUNCTION_ARGS)
{
	text	   *key = PG_GETARG_TEXT_PP(0);

	PG_RETURN_INT32(wf_uuid_slot_of_key(VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key)));
}
