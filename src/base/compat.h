/*
 * compat.h
 *	  What differs between PostgreSQL 15 and 18, under the newest names.
 *
 * Each shim names the version and the commit that brought the API.  It can be
 * removed together with the support of the last version without it.
 */
#ifndef WF_COMPAT_H
#define WF_COMPAT_H

#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/wait_event.h"

#if PG_VERSION_NUM < 150000
#error "workflow needs PostgreSQL 15 or later"
#endif

/* 16: values of variable length are no part of postgres.h any more (d952373a987) */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 16: one function for all kinds of objects (c727f511bd7) */
#if PG_VERSION_NUM < 160000
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_proc.h"

static inline bool
object_ownercheck(Oid classid, Oid objectid, Oid roleid)
{
	Assert(classid == DatabaseRelationId || classid == RelationRelationId);
	return classid == RelationRelationId ? pg_class_ownercheck(objectid, roleid) :
		pg_database_ownercheck(objectid, roleid);
}

static inline AclResult
object_aclcheck(Oid classid, Oid objectid, Oid roleid, AclMode mode)
{
	Assert(classid == DatabaseRelationId || classid == ProcedureRelationId);
	return classid == ProcedureRelationId ? pg_proc_aclcheck(objectid, roleid, mode) :
		pg_database_aclcheck(objectid, roleid, mode);
}
#endif

/* 16: membership may be without the right to SET ROLE (3d14e171e9e) */
#if PG_VERSION_NUM < 160000
#define wf_may_set_role(user, role) is_member_of_role(user, role)
#else
#define wf_may_set_role(user, role) member_can_set_role(user, role)
#endif

/* 16: renamed from force_parallel_mode (5352ca22e00) */
#if PG_VERSION_NUM >= 160000
#define WF_DEBUG_PARALLEL_QUERY "debug_parallel_query"
#else
#define WF_DEBUG_PARALLEL_QUERY "force_parallel_mode"
#endif

/* 16: soft errors for input functions (858e776c84f) */
#if PG_VERSION_NUM < 160000
#include "utils/regproc.h"
#define stringToQualifiedNameList(string, escontext) (stringToQualifiedNameList) (string)
#endif

/* 16: indexes that only summarize blocks (19d8e2308bc) */
#if PG_VERSION_NUM < 160000
#define ExecInsertIndexTuples(result, slot, estate, update, no_dup_err, conflict, arbiters, only_summarizing) \
	(ExecInsertIndexTuples) (result, slot, estate, update, no_dup_err, conflict, arbiters)
#endif

/* 18: a portal is always run once (3eea7a0c97e) */
#if PG_VERSION_NUM < 180000
#define wf_portal_run(portal, dest, completion) \
	PortalRun(portal, FETCH_ALL, true, true, dest, dest, completion)
#else
#define wf_portal_run(portal, dest, completion) \
	PortalRun(portal, FETCH_ALL, true, dest, dest, completion)
#endif

/* 18: the registered workers are in a doubly linked list */
#if PG_VERSION_NUM >= 180000
#define WF_WORKERS_ITER dlist_iter
#define WF_WORKERS_FOREACH dlist_foreach
#define WF_WORKERS_CONTAINER dlist_container
#else
#define WF_WORKERS_ITER slist_iter
#define WF_WORKERS_FOREACH slist_foreach
#define WF_WORKERS_CONTAINER slist_container
#endif

/* 17: background workers are recognized by their backend type (024c5211177) */
#if PG_VERSION_NUM < 170000
#define AmBackgroundWorkerProcess() IsBackgroundWorker
#endif

/* 17: the local transaction id moved (ab355e3a88d) */
#if PG_VERSION_NUM >= 170000
#define WF_MY_LXID (MyProc->vxid.lxid)
#else
#define WF_MY_LXID (MyProc->lxid)
#endif

/* 17: wait events with names of their own (c9af054653077) */
#if PG_VERSION_NUM < 170000
#define WaitEventExtensionNew(name) ((uint32) PG_WAIT_EXTENSION)
#endif

/* 18: also a primary key that is deferrable (14e87ffa5c5) */
#if PG_VERSION_NUM < 180000
#define RelationGetPrimaryKeyIndex(relation, deferrable_ok) (RelationGetPrimaryKeyIndex) (relation)
#endif

/* 18: an index scan counts its searches for EXPLAIN (0fbceae841c) */
#if PG_VERSION_NUM < 180000
#include "access/genam.h"
#define index_beginscan(heap, index, snapshot, instrument, nkeys, norderbys) \
	(index_beginscan) (heap, index, snapshot, nkeys, norderbys)
#endif

/* 18: C23's name for pg_attribute_noreturn() (9321d2fdf80) */
#if PG_VERSION_NUM < 180000 && !defined(pg_noreturn)
#define pg_noreturn _Noreturn
#endif

#endif							/* WF_COMPAT_H */
