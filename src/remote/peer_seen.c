/*-------------------------------------------------------------------------
 *
 * peer_seen.c
 *	  Which server was at the other end before.
 *
 * Runs in the link.  A small file in the data directory, since a standby has it, too, and
 * can write to no table.  Without it the server that is found first is the right one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "storage/fd.h"

#include "remote/peer_seen.h"

#define SEEN_FILE	"workflow.remote"

/* What is known; a file that makes no sense is none. */
void
wf_peer_seen_read(WfPeerSeen *seen)
{
	char		text[64] = {0};
	int			file = OpenTransientFile(SEEN_FILE, O_RDONLY | PG_BINARY);
	unsigned long long system;
	unsigned int timeline;

	*seen = (WfPeerSeen) {0};
	if (file < 0)
		return;
	if (read(file, text, sizeof(text) - 1) > 0 && sscanf(text, "%llu %u", &system, &timeline) == 2)
		*seen = (WfPeerSeen) {system, timeline};
	(void) CloseTransientFile(file);
}

/* Keep it, so that it outlives a crash; false: that failed, which is logged. */
bool
wf_peer_seen_write(const WfPeerSeen *seen)
{
	char		text[64];
	int			length = snprintf(text, sizeof(text), UINT64_FORMAT " %u\n", seen->system, seen->timeline);
	int			file = OpenTransientFile(SEEN_FILE ".tmp", O_WRONLY | O_CREAT | O_TRUNC | PG_BINARY);
	bool		good = file >= 0 && write(file, text, length) == length && pg_fsync(file) == 0;

	if (!good)
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", SEEN_FILE ".tmp")));
	if (file >= 0)
		(void) CloseTransientFile(file);
	return good && durable_rename(SEEN_FILE ".tmp", SEEN_FILE, LOG) == 0;
}
