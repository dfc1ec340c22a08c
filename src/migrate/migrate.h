/*
 * migrate.h
 *	  Processes from one version of their definition to another.
 */
#ifndef WF_MIGRATE_H
#define WF_MIGRATE_H

#include "migrate/route.h"
#include "process/step.h"

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

/* In the current memory context; SPI must be connected. */
extern WfMigration *wf_migration_new(WfDefinition *to, Jsonb *mapping,
									 bool dry_run, const char *actor);
extern void wf_migration_add(WfMigration *migration, WfDefinition *from);

/* The route from a version by its definition's id, or NULL. */
extern WfRoute *wf_migration_route(const WfMigration *migration, int32 from);

/*
 * Migrate processes that are not over, in the order of their ids, whose
 * versions have routes.  They are locked, or read for a dry run.  Results have
 * room for n; everything lives in the current memory context.  Error WF005
 * when this session is stepping one of them; those of delay expressions.
 */
extern void wf_migrate(WfMigration *migration, WfRow *rows, int n,
					   WfMigrated *results);

#endif							/* WF_MIGRATE_H */
