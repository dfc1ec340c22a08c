/*
 * runtime_row.h
 *	  The table workflow.runtime: who shares the work of this database.
 */
#ifndef WF_RUNTIME_ROW_H
#define WF_RUNTIME_ROW_H

#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#include "shmem/member.h"

/* Values of runtime.state, in the order of the enum. */
typedef enum WfRuntimeState
{
	WF_RUNTIME_ALIVE,
	WF_RUNTIME_DEAD,
	WF_RUNTIME_TERMINATED,
	WF_RUNTIME_SELF_RESTORE,
	WF_RUNTIME_RESTORE,
	WF_RUNTIME_SINGLE
} WfRuntimeState;

typedef struct WfRuntimeRow
{
	const char *id;
	WfRuntimeKind kind;
	WfMemberRole role;
	WfRuntimeState state;
	int64		epoch;
	Oid			login;			/* who has registered it; of local ones nobody */
	bool		approved;
	bool		graced;
	const char *restorer;		/* who recovers it, or NULL, ... */
	int64		restorer_epoch;
	const char *fingerprint;	/* or NULL, as the next ones */
	const char *address;
	Jsonb	   *info;
	TimestampTz since;			/* in its state */
} WfRuntimeRow;

extern bool wf_runtime_row_exists(void);
extern bool wf_runtime_row_find(const char *id, WfRuntimeRow *row);
extern bool wf_runtime_row_lock(const char *id, WfRuntimeRow *row);
extern bool wf_runtime_row_lock_shared(const char *id, WfRuntimeRow *row);
extern bool wf_runtime_row_try_lock(const char *id, WfRuntimeRow *row);
extern bool wf_runtime_row_insert(const WfRuntimeRow *row);
extern void wf_runtime_row_update(const WfRuntimeRow *row);
extern void wf_runtime_row_delete(const char *id);
extern void wf_runtime_row_forget_all(void);
extern bool wf_runtime_row_any(void);
extern int	wf_runtime_row_living(WfMemberRow **rows);
extern const char *wf_runtime_row_mine(int64 epoch);
extern WfMemberRole wf_runtime_row_local_role(int64 epoch, ArrayType *ids);
extern TimestampTz wf_runtime_row_local_since(int64 epoch);
extern const char *wf_runtime_row_other_local(const char *id);
extern const char *wf_runtime_row_to_recover(const char *by, ArrayType *but);
extern void wf_runtime_row_grace(const char *id, int64 epoch, bool graced);
extern bool wf_runtime_row_told(const char *id, int64 epoch, int64 number);
extern bool wf_runtime_row_outcomes(const char *id, int64 epoch, int64 *number, bool *restored);
extern void wf_runtime_row_restored(const char *id, TimestampTz to);
extern void wf_runtime_row_accept(const char *id);
extern const char *wf_runtime_row_kind_name(WfRuntimeKind kind);
extern const char *wf_runtime_row_state_name(WfRuntimeState state);
extern const char *wf_runtime_row_role_name(WfMemberRole role);
extern bool wf_runtime_row_read_kind(const char *name, WfRuntimeKind *kind);
extern bool wf_runtime_row_read_role(const char *name, WfMemberRole *role);

#endif							/* WF_RUNTIME_ROW_H */
