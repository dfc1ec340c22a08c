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

/* The event of a migration in the history. */
#define WF_MIGRATE_EVENT "workflow.migrate"

/* A call of migrate() or migrate_many(): what is the same for all processes. */
typedef struct WfMigration
{
	WfDefinition *to;
	WfMapping  *mapping;
	Jsonb	   *mapping_json;	/* as given, or NULL */
	List	   *routes;			/* of WfRoute, one for each old version */
	Jsonb	   *patch;			/* of each context, or NULL */
	const char *actor;
	const char *note;			/* for the history, or NULL */
	bool		dry_run;		/* lock and write nothing */
	bool		reports;		/* what fails for one process is a problem of that,
								 * and not an error of the call */
} WfMigration;

/* What became of one process. */
typedef struct WfMigrated
{
	pg_uuid_t	id;
	WfDefinition *from;
	WfDefinition *to;
	bool		possible;		/* false: it stays as it is, see problems */
	Datum		states;			/* text[]: its new states, if possible */
	List	   *kept;			/* of char *: events of timers that go on */
	List	   *armed;			/* of char *: events of timers that are new */
	List	   *dropped;		/* of char *: events of timers that are dropped */
	List	   *problems;		/* of Jsonb, see wf_route_problem() */
} WfMigrated;

extern WfMigration *wf_migrate_new(WfDefinition *to, Jsonb *mapping,
								   bool dry_run, const char *actor);
extern void wf_migrate_add(WfMigration *migration, WfDefinition *from);
extern WfRoute *wf_migrate_route(const WfMigration *migration, int32 from);
extern void wf_migrate(WfMigration *migration, WfRow *rows, int n,
					   WfMigrated *results);

#endif							/* WF_MIGRATE_H */
