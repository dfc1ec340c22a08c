/*
 * suspects.h
 *	  Events of a lane during whose step the server, or an executor, may have
 *	  ended.
 */
#ifndef WF_SUSPECTS_H
#define WF_SUSPECTS_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

/* What has become of an attempt that was committed before the step. */
typedef enum WfSuspicion
{
	WF_SUSPICION_NONE,			/* none is counted, or it stays so */
	WF_SUSPICION_COUNTED,		/* not begun, or ended: to be taken back */
	WF_SUSPICION_BEGUN			/* under way: stays if the executor ends now */
} WfSuspicion;

/* An event whose attempt was committed before its step, see quarantine.c. */
typedef struct WfSuspect
{
	pg_uuid_t	process;
	int64		seq;			/* -1: none */
	int			spared;			/* how often its executor was told to go */
	WfSuspicion attempt;
} WfSuspect;

/*
 * So many are remembered: the others may be locked by clients, and then come
 * before the one that was under way.
 */
#define WF_NSUSPECTS	4

typedef struct WfSuspects
{
	bool		cleared;		/* those of an unclean start are done */
	TimestampTz until;			/* timers due up to here ended their executor;
								 * -infinity: none */
	WfSuspect	items[WF_NSUSPECTS];
	int			last;			/* which of them is the last */
} WfSuspects;

extern void wf_suspects_init(WfSuspects *suspects);
extern void wf_suspects_suspect(WfSuspects *suspects, TimestampTz until);
extern void wf_suspects_clear(WfSuspects *suspects);
extern void wf_suspects_remember(WfSuspects *suspects, const pg_uuid_t *process, int64 seq);
extern bool wf_suspects_begin(WfSuspects *suspects, const pg_uuid_t *process, int64 seq);
extern void wf_suspects_end(WfSuspects *suspects);
extern void wf_suspects_spare(WfSuspects *suspects);
extern void wf_suspects_acquitted(WfSuspects *suspects, int i);

#endif							/* WF_SUSPECTS_H */
