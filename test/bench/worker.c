/*
 * worker.c
 *	  A worker in plain SQL, one transaction a piece of work.
 *
 * worker CHANNEL STATEMENT: runs STATEMENT until it has nothing to do, as its
 * number of rows tells, then once for each NOTIFY on CHANNEL, so that it never
 * looks in vain.  Says first the process id of its backend.  Ends when it is
 * killed.  Connection from PG* variables.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "libpq-fe.h"

static PGconn *conn;

static void
fail(const char *what)
{
	fprintf(stderr, "worker: %s: %s", what, PQerrorMessage(conn));
	exit(1);
}

/* How many rows it was about. */
static int
finish(PGresult *result, const char *what)
{
	int			rows = atoi(PQcmdTuples(result));

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		fail(what);
	PQclear(result);
	return rows;
}

static int
work(void)
{
	return finish(PQexecPrepared(conn, "work", 0, NULL, NULL, NULL, 0), "work");
}

/* How many notifications have come since. */
static int
notifications(void)
{
	int			count = 0;
	PGnotify   *notify;

	if (!PQconsumeInput(conn))
		fail("connection");
	while ((notify = PQnotifies(conn)) != NULL)
	{
		PQfreemem(notify);
		count++;
	}
	return count;
}

int
main(int argc, char **argv)
{
	char		listen[100];

	if (argc != 3)
	{
		fprintf(stderr, "worker CHANNEL STATEMENT\n");
		return 2;
	}
	conn = PQconnectdb("");
	if (PQstatus(conn) != CONNECTION_OK)
		fail("connect");
	snprintf(listen, sizeof(listen), "LISTEN %s", argv[1]);
	finish(PQexec(conn, listen), listen);
	finish(PQprepare(conn, "work", argv[2], 0, NULL), "prepare");
	printf("%d\n", PQbackendPID(conn));
	fflush(stdout);
	while (work() > 0)
		;
	for (;;)
	{
		struct pollfd wait = {PQsocket(conn), POLLIN, 0};
		int			todo = notifications();

		if (todo == 0)
			poll(&wait, 1, -1);
		while (todo-- > 0)
			work();
	}
}
