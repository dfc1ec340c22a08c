/*
 * prepared.h
 *	  What prepared transactions will tell the background workers when they end.
 */
#ifndef WF_PREPARED_H
#define WF_PREPARED_H

#include "access/xact.h"
#include "datatype/timestamp.h"

#include "shmem/lane.h"

/* A transaction that touched more is not remembered. */
#define WF_PREPARED_LANES		4
#define WF_PREPARED_DATABASES	2

/* What it did to the work of a lane, see wakeup.c. */
typedef struct WfPreparedLane
{
	int32		owner;
	WfLaneKind	kind;
	TimestampTz due;			/* earliest timer inserted; infinity: none */
	int			released;		/* holds so many process rows */
} WfPreparedLane;

/* All zero but gid and serial: it did nothing that concerns us. */
typedef struct WfPrepared
{
	char		gid[GIDSIZE];
	uint64		serial;			/* given by wf_prepared_put() */
	bool		stepped;		/* changed a process */
	bool		ended;			/* ended runs, or made some that wait for others */
	bool		leased;			/* left something that the runtime is to look after at a time */
	bool		changing;		/* changed what sessions keep, see inval.h */
	bool		roles;			/* changed what roles may */
	int			nlanes;
	int			ndatabases;
	WfPreparedLane lanes[WF_PREPARED_LANES];
	Oid			databases[WF_PREPARED_DATABASES];	/* to be looked at anew */
} WfPrepared;

extern Size wf_prepared_shmem_size(void);
extern void wf_prepared_shmem_attach(void *segment, bool created);
extern void wf_prepared_put(const WfPrepared *prepared);
extern bool wf_prepared_get(const char *gid, WfPrepared *prepared);
extern bool wf_prepared_remove(const char *gid, uint64 serial);

#endif							/* WF_PREPARED_H */
