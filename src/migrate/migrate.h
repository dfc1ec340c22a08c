/*
 * migrate.h
 *	  Processes from one version of their definition to another.
 */
#ifndef WF_MIGRATE_H
#define WF_MIGRATE_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "definition/definition.h"
#include "migrate/route.h"
#include "store/process_row.h"

#define WF_MIGRATE_EVENT "workflow.migrate"

/* What is the same for all processes of a call; lives as long as that. */
typedef struct WfMigration
{
	WfDefinition *to;
	WfMapping  *mapping;
	Jsonb	   *mapping_json;	/* as given, or NULL */
	List	   *routes;			/* WfRoute, one for each version */
	const char *actor;
	bool		dry_run;		/* nothing is locked or written */
} WfMigration;

/* What became of one process. */
typedef struct WfMigrated
{
	pg_uuid_t	id;
	WfDefinition *from;
	WfDefinition *to;
	bool		possible;		/* false: it stays as it is, problems say why */
	Datum		states;			/* where it is now, when possible */
	List	   *kept;			/* of char: events of its timers now */
	List	   *armed;			/* likewise */
	List	   *dropped;		/* those that it had */
	List	   *problems;		/* of Jsonb: {"problem", "name", "message"} */
} WfMigrated;

extern WfMigration *wf_migrate_new(WfDefinition *to, Jsonb *mapping,
								   bool dry_run, const char *actor);
extern void wf_migrate_add(WfMigration *migration, WfDefinition *from);
extern WfRoute *wf_migrate_route(const WfMigration *migration, int32 from);
extern void wf_migrate(WfMigration *migration, WfRow *rows, int n,
					   WfMigrated *results);

#endif							/* WF_MIGRATE_H */
