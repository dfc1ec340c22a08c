/*
 * membership.h
 *	  What this instance is to another server whose work it shares.
 */
#ifndef WF_MEMBERSHIP_H
#define WF_MEMBERSHIP_H

#include "datatype/timestamp.h"

#include "base/guc.h"

typedef enum WfMembershipState
{
	WF_MEMBERSHIP_NONE,			/* there is nobody to be a runtime of */
	WF_MEMBERSHIP_CONNECTING,
	WF_MEMBERSHIP_WAITING,		/* it is being seen whether the id is in use */
	WF_MEMBERSHIP_ALIVE,
	WF_MEMBERSHIP_REFUSED		/* somebody has to do something first */
} WfMembershipState;

/* What has come of who takes files over, if not how many are left. */
#define WF_MEMBERSHIP_FILES_FAILED	(-1)
#define WF_MEMBERSHIP_FILES_REFUSED (-2)

/* Bytes of what is said of trouble. */
#define WF_MEMBERSHIP_TROUBLE	512

/* How it stands, a copy. */
typedef struct WfMembership
{
	WfMembershipState state;
	TimestampTz since;
	char		id[WF_RUNTIME_ID_MAX + 1];
	int64		epoch;			/* by which it may claim; 0: it may not */
	uint64		system;			/* the other server; 0: not known */
	uint32		timeline;
	uint64		reaches;		/* whatever server was there last, also before the last start; 0: not known */
	char		database[NAMEDATALEN];	/* there; empty: not known */
	uint64		asked;			/* another one than before, which nobody has accepted; 0: none */
	char		trouble[WF_MEMBERSHIP_TROUBLE]; /* empty: none */
	char		courier_trouble[WF_MEMBERSHIP_TROUBLE]; /* the same, of the courier */
	pid_t		link_pid;		/* 0: there is none */
	pid_t		courier_pid;
	Oid			courier_dbid;	/* where it works */
	int64		courier_epoch;	/* under which there was one last */
	uint64		pokes;			/* how often runs were said to wait for us */
	uint64		file_looks;		/* how often somebody wanted files to be looked at */
	uint64		file_ends;		/* how often who takes files over has ended */
	int			files_left;		/* it could not write so many, or one of those above, */
	char		file_trouble[WF_MEMBERSHIP_TROUBLE];	/* for this reason */
} WfMembership;

/* A standby that cannot do runs just now. */
typedef struct WfAside
{
	int64		epoch;			/* in which that was found */
	uint64		position;		/* it has to have replayed that */
} WfAside;

extern Size wf_membership_shmem_size(void);
extern void wf_membership_shmem_attach(void *segment, bool created);
extern void wf_membership_get(WfMembership *membership);
extern int64 wf_membership_epoch(void);
extern void wf_membership_link_attach(const char *id);
extern void wf_membership_link_detach(void);
extern void wf_membership_state(WfMembershipState state, const char *trouble);
extern void wf_membership_live(int64 epoch);
extern void wf_membership_peer(uint64 system, uint32 timeline, const char *database);
extern void wf_membership_ask(uint64 system);
extern uint64 wf_membership_accepted(void);
extern bool wf_membership_accept(uint64 system);
extern void wf_membership_renew(int64 epoch);
extern int64 wf_membership_to_renew(void);
extern void wf_membership_step_aside(const WfAside *aside);
extern bool wf_membership_aside(WfAside *aside);
extern void wf_membership_poke(void);
extern void wf_membership_reaches(uint64 system);
extern void wf_membership_look_at_files(void);
extern void wf_membership_files_taken(int left, const char *trouble);
extern bool wf_membership_files_are_ours(bool *known);
extern bool wf_membership_courier_attach(void);
extern void wf_membership_courier_at(Oid dbid);
extern void wf_membership_courier_trouble(const char *trouble);
extern void wf_membership_courier_detach(void);
extern void wf_membership_courier_wake(void);
extern void wf_membership_link_wake(void);

#endif							/* WF_MEMBERSHIP_H */
