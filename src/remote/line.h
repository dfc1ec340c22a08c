/*
 * line.h
 *	  A connection to another server, on which nothing takes longer than it may.
 */
#ifndef WF_LINE_H
#define WF_LINE_H

#include "link/link.h"
#include "shmem/membership.h"

/* A connection.  Begins as zeroes. */
typedef struct WfLine
{
	PGconn	   *conn;			/* NULL: closed */
	bool		asking;			/* a statement was sent, and is not answered */
	bool		bytes;			/* values of answers are to come as bytes, not as texts */
	PGresult   *result;			/* of the answer, the part that has come; or NULL */
	char		sqlstate[6];	/* of the last error of the other server, or empty */
	char		trouble[WF_MEMBERSHIP_TROUBLE]; /* what was wrong last */
} WfLine;

/* How a statement stands that was sent. */
typedef enum WfLineAnswer
{
	WF_LINE_WAITS,
	WF_LINE_ANSWERED,
	WF_LINE_FAILED				/* see trouble; the line may be closed */
} WfLineAnswer;

extern const WfLinkFunctions *wf_line_library(void);
extern int	wf_line_wait(int socket, int events, int64 until);
extern bool wf_line_open(WfLine *line, const char *const *keywords, const char *const *values, int timeout);
extern bool wf_line_send(WfLine *line, const char *sql, int n, const char *const *values, int timeout);
extern WfLineAnswer wf_line_look(WfLine *line, PGresult **result);
extern PGresult *wf_line_ask(WfLine *line, const char *sql, int n, const char *const *values, int timeout);
extern bool wf_line_is_open(const WfLine *line);
extern bool wf_line_is_alive(WfLine *line);
extern void wf_line_close(WfLine *line);
extern void wf_line_trouble(WfLine *line, const char *format, ...) pg_attribute_printf(2, 3);
extern const char *wf_line_column(const PGresult *result, int row, const char *name);
extern const char *wf_line_value(const PGresult *result, int row, const char *name);
extern const char *wf_line_bytes(const PGresult *result, int row, const char *name, size_t *length);

#endif							/* WF_LINE_H */
