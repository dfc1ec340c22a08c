/*
 * member.h
 *	  Members: the runtimes of the clusters that live, as far as they say so by beats.
 */
#ifndef WF_MEMBER_H
#define WF_MEMBER_H

#include "datatype/timestamp.h"

#include "base/cluster_setting.h"
#include "base/guc.h"
#include "shmem/turn.h"

/* Values of runtime.kind. */
typedef enum WfRuntimeKind
{
	WF_RUNTIME_LOCAL,			/* the server that holds the database */
	WF_RUNTIME_REMOTE,			/* another server of PostgreSQL */
	WF_RUNTIME_STANDBY,			/* one that replays this one */
	WF_RUNTIME_APPLICATION
} WfRuntimeKind;

/* Values of runtime.role. */
typedef enum WfMemberRole
{
	WF_MEMBER_BOTH,
	WF_MEMBER_INTERFACE,		/* serves calls, runs nothing */
	WF_MEMBER_ENGINE
} WfMemberRole;

/* What the row of a member says. */
typedef struct WfMemberRow
{
	char		id[WF_RUNTIME_ID_MAX + 1];
	int64		epoch;
	Oid			login;			/* whose it is */
	WfRuntimeKind kind;
	WfMemberRole role;
	bool		approved;
	bool		graced;			/* a start of the server gave it grace, since when it has
								 * said nothing */
	TimestampTz since;			/* when its epoch began: what it has claimed earlier is none of this life */
} WfMemberRow;

/* A member, as it was when it was looked at. */
typedef struct WfMember
{
	Oid			dbid;			/* InvalidOid: the place is free */
	bool		known;			/* the row was read */
	bool		reserved;		/* its registration has not committed yet */
	bool		fenced;			/* somebody is about to declare it dead */
	bool		beaten;			/* it has said something since the server started */
	WfMemberRow row;
	int64		beat_at;		/* its silence counts from then, steady: when it said something
								 * last, or got grace */
	int64		heard_at;		/* when it said something last; 0: not since the server started */
	int			heard_in;		/* the process of that session */
	int64		settings;		/* up to this change it has taken them over; -1: not known */
	int64		files;
	WfTurn		turns[WF_TURN_KINDS];
	uint64		asker;			/* who else asks to register under its id, */
	int64		asked_at;		/* since then; 0: nobody */
} WfMember;

/* All that is known of the cluster of a database. */
typedef struct WfMemberCluster
{
	uint64		generation;		/* moves whenever a row changes */
	bool		loaded;			/* as the rows are now */
	bool		any;			/* there are others than the local one, living or not */
	char		local_id[WF_RUNTIME_ID_MAX + 1];	/* that of this instance; empty: it is
													 * not registered yet */
	TimestampTz local_since;	/* no other instance has held the database since then */
	WfMemberRole local_role;	/* and its role */
	int64		settings;		/* the number of their last change */
	int			values[WF_CLUSTER_NSETTINGS];
} WfMemberCluster;

/* Members that are looked for: those that match in all that is given. */
typedef struct WfMemberFilter
{
	const char *id;				/* NULL: any */
	bool		kinds[WF_RUNTIME_APPLICATION + 1];
	bool		engine;			/* of the role engine only */
} WfMemberFilter;

typedef enum WfMemberHeard
{
	WF_MEMBER_HEARD,
	WF_MEMBER_FENCED,			/* that epoch is over */
	WF_MEMBER_OTHERS,			/* it is another role's */
	WF_MEMBER_ABSENT,			/* it does not live, or has found no place */
	WF_MEMBER_NOT_LOADED		/* the tables are to be asked first */
} WfMemberHeard;

extern void wf_member_cluster(WfMemberCluster *cluster);
extern bool wf_member_store(uint64 generation, const WfMemberCluster *cluster, int n,
							const WfMemberRow *rows, int64 now);
extern WfMemberHeard wf_member_find(const char *id, WfMemberRow *row, bool *any);
extern bool wf_member_local_role(WfMemberRole *role);
extern bool wf_member_matches(const WfMemberRow *row, const WfMemberFilter *filter);
extern bool wf_member_works(const WfMemberFilter *filter);
extern bool wf_member_is_local(const WfMemberFilter *filter);
extern bool wf_member_is_loaded(void);
extern void wf_member_backlog(bool backlog);
extern bool wf_member_has_cluster(void);
extern bool wf_member_has_epoch(const char *id, int64 epoch);
extern int	wf_member_list(WfMember **members);
extern bool wf_member_fence(const char *id, int64 epoch, bool silent, int64 now);
extern void wf_member_fence_lift(const char *id, int64 epoch);
extern bool wf_member_reserve(const char *id);
extern void wf_member_free_reserved(const char *id);
extern void wf_member_told(const char *id, bool living, int64 now);
extern void wf_member_forget_database(Oid dbid);

#endif							/* WF_MEMBER_H */
