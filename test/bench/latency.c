/*
 * latency.c
 *	  From a client's commit to the first statement of the action.
 *
 * latency SCHEMA STATEMENT N PAUSE_MS: N times, in a transaction, run STATEMENT,
 * which posts an event, with its number as $1; note the clock when COMMIT was
 * acknowledged; wait until the action has noted, in SCHEMA.seen, when it began.
 * Prints one difference a line, in milliseconds.  Connection from PG* variables;
 * the server's clock and ours must be the same one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#include "libpq-fe.h"

static PGconn *conn;

static void
fail(const char *what)
{
	fprintf(stderr, "latency: %s: %s", what, PQerrorMessage(conn));
	exit(1);
}

static PGresult *
run(const char *query, int nparams, const char *const *params, ExecStatusType wanted)
{
	PGresult   *result = PQexecParams(conn, query, nparams, NULL, params, NULL, NULL, 0);

	if (PQresultStatus(result) != wanted)
		fail(query);
	return result;
}

static void
nap(int ms)
{
	struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&pause, NULL);
}

/* When the action of event n began, in microseconds since 1970; it has 10 s. */
static long long
seen(const char *schema, const char *n)
{
	char		query[200];

	snprintf(query, sizeof(query),
			 "SELECT pg_catalog.round(extract(epoch FROM at) * 1000000)::bigint"
			 " FROM %s.seen WHERE n = $1::int", schema);
	for (int tries = 0; tries < 2000; tries++)
	{
		PGresult   *result = run(query, 1, &n, PGRES_TUPLES_OK);
		long long	at = PQntuples(result) > 0 ? atoll(PQgetvalue(result, 0, 0)) : 0;

		PQclear(result);
		if (at != 0)
			return at;
		nap(5);
	}
	fprintf(stderr, "latency: event %s never arrived\n", n);
	exit(1);
}

int
main(int argc, char **argv)
{
	char		truncate[100];

	if (argc != 5)
	{
		fprintf(stderr, "latency SCHEMA STATEMENT N PAUSE_MS\n");
		return 2;
	}
	conn = PQconnectdb("");
	if (PQstatus(conn) != CONNECTION_OK)
		fail("connect");
	snprintf(truncate, sizeof(truncate), "TRUNCATE %s.seen", argv[1]);
	PQclear(run(truncate, 0, NULL, PGRES_COMMAND_OK));
	for (int i = 0; i < atoi(argv[3]); i++)
	{
		char		n[16];
		const char *params[1] = {n};
		struct timeval committed;

		nap(atoi(argv[4]));
		snprintf(n, sizeof(n), "%d", i);
		PQclear(run("BEGIN", 0, NULL, PGRES_COMMAND_OK));
		PQclear(run(argv[2], 1, params, PGRES_TUPLES_OK));
		PQclear(run("COMMIT", 0, NULL, PGRES_COMMAND_OK));
		gettimeofday(&committed, NULL);
		nap(10);
		printf("%.3f\n", (seen(argv[1], n) - (committed.tv_sec * 1000000LL + committed.tv_usec)) / 1000.0);
	}
	PQfinish(conn);
	return 0;
}
