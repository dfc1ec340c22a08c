/*-------------------------------------------------------------------------
 *
 * link.c
 *	  libpq as a table of functions, of a library that is loaded on demand.
 *
 * Runs in the background workers that talk to another server, which load it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "link/link.h"

#ifdef PG_MODULE_MAGIC_EXT
PG_MODULE_MAGIC_EXT(
	.name = "workflow_link",
	.version = WF_VERSION
);
#else
PG_MODULE_MAGIC;
#endif

static const WfLinkFunctions functions = {
	.conninfoParse = PQconninfoParse,
	.conninfo = PQconninfo,
	.conninfoFree = PQconninfoFree,
	.connectStartParams = PQconnectStartParams,
	.connectPoll = PQconnectPoll,
	.status = PQstatus,
	.socket = PQsocket,
	.errorMessage = PQerrorMessage,
	.setnonblocking = PQsetnonblocking,
	.sendQueryParams = PQsendQueryParams,
	.flush = PQflush,
	.consumeInput = PQconsumeInput,
	.isBusy = PQisBusy,
	.getResult = PQgetResult,
	.resultStatus = PQresultStatus,
	.resultErrorField = PQresultErrorField,
	.resultErrorMessage = PQresultErrorMessage,
	.ntuples = PQntuples,
	.fnumber = PQfnumber,
	.getisnull = PQgetisnull,
	.getvalue = PQgetvalue,
	.getlength = PQgetlength,
	.clear = PQclear,
	.setNoticeProcessor = PQsetNoticeProcessor,
	.freemem = PQfreemem,
	.finish = PQfinish
};

/* The table. */
const WfLinkFunctions *
wf_link_functions(void)
{
	return &functions;
}
