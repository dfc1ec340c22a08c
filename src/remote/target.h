/*
 * target.h
 *	  Where the other server may be: the hosts of a connection string.
 */
#ifndef WF_TARGET_H
#define WF_TARGET_H

#include "remote/line.h"

/* One host; each may be NULL. */
typedef struct WfTarget
{
	const char *host;
	const char *hostaddr;
	const char *port;
} WfTarget;

/* All that a connection string says. */
typedef struct WfTargets
{
	MemoryContext context;		/* of all of it */
	int			n;
	WfTarget   *targets;
	int			noptions;		/* others than those, with values */
	const char **keywords;
	const char **values;
} WfTargets;

extern WfTargets *wf_target_read(WfLine *line, const char *conninfo);
extern void wf_target_free(WfTargets *targets);
extern bool wf_target_open(WfLine *line, const WfTargets *targets, int n, const char *encoding, int timeout);

#endif							/* WF_TARGET_H */
