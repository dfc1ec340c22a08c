/*
 * deaf.c
 *	  Code that does not look for interrupts, for test/t/step_timeout.pl.
 *
 * deaf() makes the file "deaf" in the data directory and waits until somebody
 * removes it.  deaf_cancelled() asks for a cancel of its own statement first,
 * deaf_failing() throws an error in the end.
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "fmgr.h"

PG_MODULE_MAGIC;

#define AT		"deaf"

PG_FUNCTION_INFO_V1(deaf);
PG_FUNCTION_INFO_V1(deaf_cancelled);
PG_FUNCTION_INFO_V1(deaf_failing);

Datum
deaf(PG_FUNCTION_ARGS)
{
	int			file = open(AT, O_CREAT | O_WRONLY, 0600);

	if (file < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", AT)));
	close(file);
	while (access(AT, F_OK) == 0)
		pg_usleep(1000L);
	PG_RETURN_VOID();
}

Datum
deaf_cancelled(PG_FUNCTION_ARGS)
{
	raise(SIGINT);
	return deaf(fcinfo);
}

Datum
deaf_failing(PG_FUNCTION_ARGS)
{
	(void) deaf(fcinfo);
	ereport(ERROR,
			(errcode(ERRCODE_DIVISION_BY_ZERO),
			 errmsg("division by zero")));
	PG_RETURN_VOID();
}
