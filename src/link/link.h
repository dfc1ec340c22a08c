/*
 * link.h
 *	  libpq as a table of functions, of a library that is loaded on demand.
 */
#ifndef WF_LINK_H
#define WF_LINK_H

#include "libpq-fe.h"

/* The library, and the function in it that gives the table. */
#define WF_LINK_LIBRARY		"workflow_link"
#define WF_LINK_FUNCTION	"wf_link_functions"

/* Each member is the function PQname of libpq. */
typedef struct WfLinkFunctions
{
	PQconninfoOption *(*conninfoParse) (const char *conninfo, char **message);
	PQconninfoOption *(*conninfo) (PGconn *conn);
	void		(*conninfoFree) (PQconninfoOption *options);
	PGconn	   *(*connectStartParams) (const char *const *keywords, const char *const *values, int expand);
	PostgresPollingStatusType (*connectPoll) (PGconn *conn);
	ConnStatusType (*status) (const PGconn *conn);
	int			(*socket) (const PGconn *conn);
	char	   *(*errorMessage) (const PGconn *conn);
	int			(*setnonblocking) (PGconn *conn, int on);
	int			(*sendQueryParams) (PGconn *conn, const char *sql, int n, const Oid *types,
									const char *const *values, const int *lengths, const int *formats, int format);
	int			(*flush) (PGconn *conn);
	int			(*consumeInput) (PGconn *conn);
	int			(*isBusy) (PGconn *conn);
	PGresult   *(*getResult) (PGconn *conn);
	ExecStatusType (*resultStatus) (const PGresult *result);
	char	   *(*resultErrorField) (const PGresult *result, int field);
	char	   *(*resultErrorMessage) (const PGresult *result);
	int			(*ntuples) (const PGresult *result);
	int			(*fnumber) (const PGresult *result, const char *name);
	int			(*getisnull) (const PGresult *result, int row, int column);
	char	   *(*getvalue) (const PGresult *result, int row, int column);
	int			(*getlength) (const PGresult *result, int row, int column);
	void		(*clear) (PGresult *result);
	PQnoticeProcessor (*setNoticeProcessor) (PGconn *conn, PQnoticeProcessor processor, void *arg);
	void		(*freemem) (void *memory);
	void		(*finish) (PGconn *conn);
} WfLinkFunctions;

extern PGDLLEXPORT const WfLinkFunctions *wf_link_functions(void);

#endif							/* WF_LINK_H */
