/*-------------------------------------------------------------------------
 *
 * line.c
 *	  A connection to another server, on which nothing takes longer than it may.
 *
 * Runs in the link, in the courier, and in who takes files over.  libpq is called without blocking, and each wait
 * has an end: a cable that was cut, a server that was stopped, and one that answers slowly
 * cost the time that the caller gives and nothing else.  A wait ends when the process is
 * to end, too.  What goes wrong is kept with the line, and thrown nowhere: others than
 * this process are not to notice.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/latch.h"

#include "base/clock.h"
#include "base/compat.h"
#include "bgworker/bgworker.h"
#include "remote/line.h"

/* libpq.  Error if the library cannot be loaded. */
const WfLinkFunctions *
wf_line_library(void)
{
	static const WfLinkFunctions *library = NULL;

	if (library == NULL)
	{
		const WfLinkFunctions *(*functions) (void) =
			(const WfLinkFunctions *(*) (void)) load_external_function(WF_LINK_LIBRARY, WF_LINK_FUNCTION,
																	   true, NULL);

		library = functions();
	}
	return library;
}

/* --- waiting ------------------------------------------------------------------------ */

/*
 * Wait for a socket, or any file that can be waited for, until a time of the steady
 * clock.  Returns the events that have come; 0: the time is up, or the process is to end.
 * Whoever sets the latch meanwhile finds it set afterwards.
 */
int
wf_line_wait(int socket, int events, int64 until)
{
	bool		woken = false;
	int			come = 0;

	while (come == 0 && !wf_bgworker_terminated())
	{
		long		left = (until - wf_clock_real_steady()) / 1000;

		if (left <= 0)
			break;
		come = WaitLatchOrSocket(MyLatch, events | WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
								 socket, left, WaitEventExtensionNew("WorkflowLink"));
		if (come & WL_LATCH_SET)
		{
			ResetLatch(MyLatch);
			woken = true;
			if (!wf_bgworker_terminated())
				CHECK_FOR_INTERRUPTS();
		}
		come &= events;
	}
	if (woken)
		SetLatch(MyLatch);
	return come;
}

static int64
end_of(int timeout)
{
	return wf_clock_real_steady() + timeout * INT64CONST(1000);
}

/* --- trouble ------------------------------------------------------------------------- */

/* Say what is wrong, in one line. */
void
wf_line_trouble(WfLine *line, const char *format,...)
{
	va_list		args;

	line->sqlstate[0] = '\0';
	va_start(args, format);
	(void) vsnprintf(line->trouble, sizeof(line->trouble), format, args);
	va_end(args);
	for (char *at = line->trouble; *at != '\0'; at++)
		if (*at == '\n' || *at == '\t')
			*at = at[1] == '\0' ? '\0' : ' ';
}

/* The connection has failed. */
static void
broken(WfLine *line)
{
	wf_line_trouble(line, "%s", wf_line_library()->errorMessage(line->conn));
	wf_line_close(line);
}

/* It has not failed, but the other side says nothing. */
static void
silent(WfLine *line, const char *what)
{
	wf_line_trouble(line, "%s", what);
	wf_line_close(line);
}

/* --- opening and closing -------------------------------------------------------------- */

/* The line of a connection is to tell nothing by itself. */
static void
ignore_notice(void *arg, const char *message)
{
}

/*
 * Open a line, within so many ms.  False: there is trouble.  The names of hosts must have
 * been looked up, or this waits for that.
 */
bool
wf_line_open(WfLine *line, const char *const *keywords, const char *const *values, int timeout)
{
	const WfLinkFunctions *pq = wf_line_library();
	int64		until = end_of(timeout);
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;

	wf_line_close(line);
	line->conn = pq->connectStartParams(keywords, values, 0);
	if (line->conn == NULL)
	{
		wf_line_trouble(line, "out of memory");
		return false;
	}
	while (pq->status(line->conn) != CONNECTION_BAD && next != PGRES_POLLING_OK &&
		   next != PGRES_POLLING_FAILED)
	{
		int			events = next == PGRES_POLLING_READING ? WL_SOCKET_READABLE : WL_SOCKET_WRITEABLE;

		if (wf_line_wait(pq->socket(line->conn), events, until) == 0)
		{
			silent(line, "the connection was not made in time");
			return false;
		}
		next = pq->connectPoll(line->conn);
	}
	if (pq->status(line->conn) != CONNECTION_OK || pq->setnonblocking(line->conn, 1) != 0)
	{
		broken(line);
		return false;
	}
	(void) pq->setNoticeProcessor(line->conn, ignore_notice, NULL);
	return true;
}

/* Is it open? */
bool
wf_line_is_open(const WfLine *line)
{
	return line->conn != NULL;
}

/*
 * Is the other server there still, as far as is known, while nothing was asked?  False: it is not,
 * and the line is closed.  Does not wait.
 */
bool
wf_line_is_alive(WfLine *line)
{
	const WfLinkFunctions *pq = wf_line_library();

	Assert(!line->asking);
	if (pq->consumeInput(line->conn) != 0 && pq->status(line->conn) == CONNECTION_OK)
		return true;
	broken(line);
	return false;
}

/* Close a line, whatever it is at.  What was wrong stays known. */
void
wf_line_close(WfLine *line)
{
	if (line->result != NULL)
		wf_line_library()->clear(line->result);
	if (line->conn != NULL)
		wf_line_library()->finish(line->conn);
	line->result = NULL;
	line->conn = NULL;
	line->asking = line->bytes = false;
}

/* --- statements ------------------------------------------------------------------------- */

/* Send what libpq has to send, within the time. */
static bool
flush(WfLine *line, int64 until)
{
	const WfLinkFunctions *pq = wf_line_library();

	for (;;)
	{
		int			left = pq->flush(line->conn);

		if (left == 0)
			return true;
		if (left < 0)
		{
			broken(line);
			return false;
		}
		if (wf_line_wait(pq->socket(line->conn), WL_SOCKET_WRITEABLE | WL_SOCKET_READABLE, until) == 0)
		{
			silent(line, "the other server does not take what is sent");
			return false;
		}
		/* it may wait for us to read, see PQflush() */
		if (pq->consumeInput(line->conn) == 0)
		{
			broken(line);
			return false;
		}
	}
}

/*
 * Send a statement, of which each value may be NULL; wf_line_look() has the answer.
 * False: there is trouble.
 */
bool
wf_line_send(WfLine *line, const char *sql, int n, const char *const *values, int timeout)
{
	Assert(!line->asking);
	if (wf_line_library()->sendQueryParams(line->conn, sql, n, NULL, values, NULL, NULL, line->bytes ? 1 : 0) == 0)
	{
		broken(line);
		return false;
	}
	line->asking = true;
	return flush(line, end_of(timeout));
}

/* Keep an error of the other server; the line is as good as before. */
static void
keep_error(WfLine *line, const PGresult *result)
{
	const WfLinkFunctions *pq = wf_line_library();
	const char *state = pq->resultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = pq->resultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	wf_line_trouble(line, "%s", message != NULL ? message : pq->resultErrorMessage(result));
	strlcpy(line->sqlstate, state == NULL ? "" : state, sizeof(line->sqlstate));
}

/* Is a result one that ends what was asked?  Of others there would be no end. */
static bool
is_good(const PGresult *result)
{
	ExecStatusType status = wf_line_library()->resultStatus(result);

	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

/* The results are complete, or there will be no others: the last one is the answer. */
static WfLineAnswer
take_answer(WfLine *line, PGresult **result)
{
	const WfLinkFunctions *pq = wf_line_library();
	bool		gone = pq->status(line->conn) == CONNECTION_BAD;

	*result = line->result;
	line->result = NULL;
	line->asking = false;
	if (*result != NULL && is_good(*result) && !gone)
		return WF_LINE_ANSWERED;
	wf_line_trouble(line, "the other server has given no answer, or one that makes no sense");
	if (*result != NULL)
	{
		if (pq->resultStatus(*result) == PGRES_FATAL_ERROR)
			keep_error(line, *result);
		else
			gone = true;
		pq->clear(*result);
		*result = NULL;
	}
	if (gone)
		wf_line_close(line);
	return WF_LINE_FAILED;
}

/* Has the statement that was sent been answered?  Does not wait.  The result is to be cleared. */
WfLineAnswer
wf_line_look(WfLine *line, PGresult **result)
{
	const WfLinkFunctions *pq = wf_line_library();

	*result = NULL;
	if (pq->consumeInput(line->conn) == 0)
	{
		broken(line);
		return WF_LINE_FAILED;
	}
	/* a result may be there whose end is not: to ask for the next one would wait for that */
	while (!pq->isBusy(line->conn))
	{
		PGresult   *next = pq->getResult(line->conn);

		if (next == NULL)
			return take_answer(line, result);
		if (line->result != NULL)
			pq->clear(line->result);
		line->result = next;
		if (pq->status(line->conn) == CONNECTION_BAD ||
			(!is_good(next) && pq->resultStatus(next) != PGRES_FATAL_ERROR))
			return take_answer(line, result);
	}
	return WF_LINE_WAITS;
}

/*
 * Send a statement, and wait for the answer, so many ms.  NULL: there is trouble; with an
 * sqlstate it was an error of the other server.  The result is to be cleared.
 */
PGresult *
wf_line_ask(WfLine *line, const char *sql, int n, const char *const *values, int timeout)
{
	int64		until = end_of(timeout);
	PGresult   *result = NULL;

	if (!wf_line_send(line, sql, n, values, timeout))
		return NULL;
	for (;;)
	{
		WfLineAnswer answer = wf_line_look(line, &result);

		if (answer != WF_LINE_WAITS)
			return result;
		if (wf_line_wait(wf_line_library()->socket(line->conn), WL_SOCKET_READABLE, until) == 0)
		{
			silent(line, "the other server does not answer");
			return NULL;
		}
	}
}

/* A column of a row; NULL: null, or there is none. */
const char *
wf_line_column(const PGresult *result, int row, const char *name)
{
	const WfLinkFunctions *pq = wf_line_library();
	int			column = pq->fnumber(result, name);

	return column < 0 || pq->getisnull(result, row, column) ? NULL : pq->getvalue(result, row, column);
}

/* The same, or an empty string: what is there was not written by us alone. */
const char *
wf_line_value(const PGresult *result, int row, const char *name)
{
	const char *value = wf_line_column(result, row, name);

	return value == NULL ? "" : value;
}

/* A column of a row of a line whose answers are bytes; NULL: null, or there is none. */
const char *
wf_line_bytes(const PGresult *result, int row, const char *name, size_t *length)
{
	const char *value = wf_line_column(result, row, name);
	const WfLinkFunctions *pq = wf_line_library();

	*length = value == NULL ? 0 : pq->getlength(result, row, pq->fnumber(result, name));
	return value;
}
