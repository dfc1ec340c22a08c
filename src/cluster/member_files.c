/*-------------------------------------------------------------------------
 *
 * member_files.c
 *	  How many files a runtime has still to take over.
 *
 * Runs in the sessions of runtimes.  Reads tables only where shared memory does not know.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"

#include "cluster/member_files.h"
#include "shmem/file_change.h"
#include "shmem/file_wait.h"
#include "store/file_cursor.h"
#include "store/statement.h"

/* How many it has, as far as that has committed. */
int
wf_member_files(const char *id)
{
	int			waiting = wf_file_wait(id);
	uint64		changes;

	if (waiting >= 0)
		return waiting;
	changes = wf_file_wait_changes();
	wf_statement_connect();
	waiting = wf_file_cursor_waiting(id);
	SPI_finish();
	if (!IsolationUsesXactSnapshot())
		wf_file_change_taken(id, waiting, changes);
	return waiting;
}
