/*-------------------------------------------------------------------------
 *
 * shared_setting.c
 *	  The table workflow.setting: what somebody has set for the whole cluster.
 *
 * Runs in sessions that set something, and wherever the settings are read.  Changes are
 * numbered, in the order in which they commit, for whoever sets something locks the
 * table.  A setting that has its default again keeps its row, without a value, so that
 * no number comes twice.  SPI must be connected.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "store/shared_setting.h"
#include "store/statement.h"

static WfStatement read_statement = {
	.sql = "SELECT s.name, s.value, s.number FROM workflow.setting s",
	.latest = true
};

static WfStatement write_statement = {
	.sql = "INSERT INTO workflow.setting AS s (name, value, number, set_by, set_at) VALUES ($1, $2, $3, $4, $5)"
	" ON CONFLICT (name) DO UPDATE SET (value, number, set_by, set_at)"
	"  = (excluded.value, excluded.number, excluded.set_by, excluded.set_at)",
	WF_ARGS(TEXTOID, TEXTOID, INT8OID, TEXTOID, TIMESTAMPTZOID),
	.latest = true
};

/*
 * Until this transaction ends nobody sets anything, but this session, if it is to write.
 * Waits for whoever is setting something, and, to write, for those who rely on what is
 * set.
 */
void
wf_shared_setting_lock(bool to_write)
{
	LockRelationOid(get_relname_relid("setting", get_namespace_oid("workflow", false)),
					to_write ? ShareRowExclusiveLock : ShareLock);
}

/*
 * Fill in the values and the number of the last change, as they are now.  What the library
 * does not know, or would not take, has its default.
 */
void
wf_shared_setting_read(WfMemberCluster *cluster)
{
	uint64		n = wf_statement_execute(&read_statement, NULL, NULL, 0);

	wf_cluster_setting_defaults(cluster->values);
	cluster->settings = 0;
	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		int			setting = wf_cluster_setting_find(SPI_getvalue(row, desc, 1));
		char	   *value = SPI_getvalue(row, desc, 2);
		bool		isnull;

		cluster->settings = Max(cluster->settings, DatumGetInt64(SPI_getbinval(row, desc, 3, &isnull)));
		if (setting >= 0 && value != NULL)
			cluster->values[setting] = wf_cluster_setting_stored(setting, value);
	}
}

/* Write a setting; NULL: it has its default.  The caller has the lock to write. */
void
wf_shared_setting_write(WfClusterSetting setting, const char *value, int64 number)
{
	Datum		values[5] = {
		CStringGetTextDatum(wf_cluster_settings[setting].name), (Datum) 0, Int64GetDatum(number),
		CStringGetTextDatum(GetUserNameFromId(GetUserId(), false)), TimestampTzGetDatum(wf_clock_now())
	};

	if (value != NULL)
		values[1] = CStringGetTextDatum(value);
	(void) wf_statement_execute(&write_statement, values, value == NULL ? " n   " : NULL, 0);
}
