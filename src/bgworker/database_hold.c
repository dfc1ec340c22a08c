/*-------------------------------------------------------------------------
 *
 * database_hold.c
 *	  Commands of PostgreSQL that concern us.
 *
 * Runs in any backend, around ProcessUtility.
 *
 * DROP DATABASE, ALTER DATABASE ... RENAME / SET TABLESPACE and CREATE
 * DATABASE ... TEMPLATE refuse to work on a database with sessions in it, and
 * ours never end by themselves: while such a command runs, its database is
 * held (WF_DB_HELD), which stops our background
 * workers there and starts none.
 *
 * ALTER ROLE, and GRANT of roles and on databases, may be what owners wait for who
 * may not log in or connect: their runtimes are woken at its commit.
 *
 * PREPARE TRANSACTION has shared memory remember what the transaction touched,
 * so that COMMIT PREPARED and ROLLBACK PREPARED tell those whom it concerns.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "tcop/utility.h"
#include "utils/inval.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/guc.h"
#include "bgworker/database_hold.h"
#include "bgworker/role_commands.h"
#include "eval/restricted.h"
#include "shmem/database.h"
#include "shmem/errand.h"
#include "shmem/instance.h"
#include "shmem/membership.h"
#include "shmem/prepared.h"
#include "shmem/slot.h"
#include "shmem/wakeup.h"
#include "store/transaction.h"

#define LEAVE_TIMEOUT	3000	/* ms */
#define LEAVE_POLL		10		/* ms */

static ProcessUtility_hook_type previous_hook = NULL;

/* --- holding a database -------------------------------------------------- */

/* Those that do another server's runs, if they do so there. */
static int
remote_of(Oid dbid, bool terminate)
{
	WfMembership membership;

	wf_membership_get(&membership);
	if (membership.courier_pid == 0 || membership.courier_dbid != dbid)
		return 0;
	if (terminate)
	{
		kill(membership.courier_pid, SIGTERM);
		wf_errand_signal_all(SIGTERM);
	}
	return 1 + wf_errand_count();
}

/* Is there such a process, which is told to end if `terminate`: how many are there? */
static int
tell(pid_t pid, bool terminate)
{
	if (pid == 0)
		return 0;
	if (terminate)
		kill(pid, SIGTERM);
	return 1;
}

/* Our background workers in a database, told to end if `terminate`. */
static int
bgworkers_of(Oid dbid, bool terminate)
{
	WfDatabase *database;
	int			n = 0;

	/* a pid in shared memory is alive: it is removed under this lock */
	wf_instance_lock(LW_SHARED);
	database = wf_database_entry_locked(dbid, false);
	if (database)
		n += tell(database->runtime_pid, terminate) + tell(database->watcher_pid, terminate) +
			tell(database->files_pid, terminate);
	for (int i = 0; i < wf_slot_count(); i++)
	{
		const WfSlot *slot = &wf_slots[i];

		if (slot->state != WF_SLOT_FREE && slot->dbid == dbid)
			n += tell(slot->pid, terminate);
	}
	wf_instance_unlock();
	return n + remote_of(dbid, terminate);
}

/* For errors and exits. */
static void
release_on_error(int code, Datum dbid)
{
	wf_database_end_hold(DatumGetObjectId(dbid));
}

/* Stop our background workers in a database that is held, and wait a while for that. */
static void
stop_bgworkers(Oid dbid)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   LEAVE_TIMEOUT);
	int			n = bgworkers_of(dbid, true);

	while (n > 0 && GetCurrentTimestamp() < deadline)
	{
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 LEAVE_POLL,
						 WaitEventExtensionNew("WorkflowWorkersLeave"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		n = bgworkers_of(dbid, false);
	}
}

/* --- which command concerns which database ------------------------------- */

/* The database a new one is copied from. */
static const char *
template_of(const CreatedbStmt *statement)
{
	ListCell   *cell;

	foreach(cell, statement->options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "template") == 0 && option->arg)
			return defGetString(option);
	}
	return "template1";
}

/*
 * The database that must be free of sessions for a command, or InvalidOid.
 * Only for those who may do it: nobody else can stop our background workers so.
 */
static Oid
exclusive_database(Node *statement, bool in_block)
{
	const char *name = NULL;
	Oid			dbid;

	if (IsA(statement, RenameStmt) &&
		((RenameStmt *) statement)->renameType == OBJECT_DATABASE)
		name = ((RenameStmt *) statement)->subname;
	else if (in_block)
		return InvalidOid;		/* will be refused */
	else if (IsA(statement, DropdbStmt))
		name = ((DropdbStmt *) statement)->dbname;
	else if (IsA(statement, CreatedbStmt))
		name = template_of((CreatedbStmt *) statement);
	else if (IsA(statement, AlterDatabaseStmt))
	{
		ListCell   *cell;

		foreach(cell, ((AlterDatabaseStmt *) statement)->options)
		{
			if (strcmp(lfirst_node(DefElem, cell)->defname, "tablespace") == 0)
				name = ((AlterDatabaseStmt *) statement)->dbname;
		}
	}
	if (name == NULL)
		return InvalidOid;

	dbid = get_database_oid(name, true);
	if (!OidIsValid(dbid) ||
		(dbid == MyDatabaseId && !IsA(statement, CreatedbStmt)) ||	/* refused */
		!object_ownercheck(DatabaseRelationId, dbid, GetUserId()))
		return InvalidOid;
	return dbid;
}

/* The database that is to be looked at anew after a command. */
static Oid
changed_database(Node *statement)
{
	const char *name = NULL;

	if (IsA(statement, CreatedbStmt))
		name = ((CreatedbStmt *) statement)->dbname;
	if (IsA(statement, AlterDatabaseStmt))
		name = ((AlterDatabaseStmt *) statement)->dbname;
	if (name)
		return get_database_oid(name, true);

	if (IsA(statement, DropStmt) &&
		((DropStmt *) statement)->removeType == OBJECT_EXTENSION)
	{
		ListCell   *cell;

		foreach(cell, ((DropStmt *) statement)->objects)
		{
			if (strcmp(strVal(lfirst(cell)), "workflow") == 0)
				return MyDatabaseId;
		}
	}
	return InvalidOid;
}

/* --- the hook ------------------------------------------------------------ */

/* A command, as the hook gets it. */
typedef struct Command
{
	PlannedStmt *plan;
	const char *query;
	bool		read_only_tree;
	ProcessUtilityContext context;
	ParamListInfo params;
	QueryEnvironment *environment;
	DestReceiver *receiver;
	QueryCompletion *completion;
} Command;

static void
pass_on(const Command *command)
{
	ProcessUtility_hook_type next = previous_hook ? previous_hook : standard_ProcessUtility;

	next(command->plan, command->query, command->read_only_tree, command->context,
		 command->params, command->environment, command->receiver, command->completion);
}

/* Does this command prepare a transaction, or end a prepared one? */
static bool
is_two_phase(const TransactionStmt *statement)
{
	return statement->kind == TRANS_STMT_PREPARE ||
		statement->kind == TRANS_STMT_COMMIT_PREPARED ||
		statement->kind == TRANS_STMT_ROLLBACK_PREPARED;
}

/*
 * Before a command of two-phase commit: *prepared is what shared memory knows
 * of the transaction that is to be ended, with serial number 0 if it knows
 * nothing.
 */
static void
before_two_phase(const TransactionStmt *statement, WfPrepared *prepared)
{
	prepared->serial = 0;
	if (statement->kind == TRANS_STMT_PREPARE)
		wf_wakeup_preparing(statement->gid);
	else if (!wf_prepared_get(statement->gid, prepared) || prepared->changing)
		wf_wakeup_changing();	/* it may change what sessions keep */
}

/* After it. */
static void
after_two_phase(const TransactionStmt *statement, const WfPrepared *prepared)
{
	if (statement->kind == TRANS_STMT_PREPARE)
		return;
	if (wf_prepared_remove(statement->gid, prepared->serial))
	{
		wf_wakeup_prepared_ended(prepared, statement->kind == TRANS_STMT_COMMIT_PREPARED);
		return;
	}

	wf_wakeup_prepared_unknown();

	/*
	 * It may have brought a new owner, or the extension itself, of which
	 * shared memory knows nothing, at the latest after a restart.
	 */
	AcceptInvalidationMessages();
	if (OidIsValid(wf_transaction_extension_oid()))
		wf_wakeup_database(MyDatabaseId);
}

/*
 * May a command change whether a role may log in or connect?  What it takes away
 * executors notice themselves.
 */
static bool
changes_roles(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_AlterRoleStmt:
		case T_GrantRoleStmt:
			return true;
		case T_GrantStmt:
			return ((GrantStmt *) statement)->objtype == OBJECT_DATABASE;
		case T_AlterOwnerStmt:
			return ((AlterOwnerStmt *) statement)->objectType == OBJECT_DATABASE;
		default:
			return false;
	}
}

/* Does a command need any of this?  Most do not, and fast. */
static bool
concerns_us(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_TransactionStmt:
			return is_two_phase((TransactionStmt *) statement);
		case T_CreatedbStmt:
		case T_DropdbStmt:
		case T_AlterDatabaseStmt:
		case T_RenameStmt:
		case T_DropStmt:
		case T_ConstraintsSetStmt:
			return true;
		default:
			return changes_roles(statement);
	}
}

/* A command for which nothing is to be started in a database, which may be invalid: none. */
static void
pass_on_held(const Command *command, Oid dbid)
{
	if (!OidIsValid(dbid))
	{
		pass_on(command);
		return;
	}
	wf_database_begin_hold(dbid);
	PG_ENSURE_ERROR_CLEANUP(release_on_error, ObjectIdGetDatum(dbid));
	{
		stop_bgworkers(dbid);
		pass_on(command);
	}
	PG_END_ENSURE_ERROR_CLEANUP(release_on_error, ObjectIdGetDatum(dbid));
	if (IsA(command->plan->utilityStmt, DropdbStmt))
		wf_database_forget(dbid);
	else
		wf_wakeup_release(dbid);	/* before the commit none could connect */
}

/* A command about databases, or about what roles may. */
static void
pass_on_watched(const Command *command)
{
	Node	   *statement = command->plan->utilityStmt;
	Oid			changed;

	pass_on_held(command, exclusive_database(statement, command->context != PROCESS_UTILITY_TOPLEVEL ||
											 IsTransactionBlock()));
	if (changes_roles(statement))
	{
		wf_wakeup_roles();
		return;
	}
	CommandCounterIncrement();	/* a new database is to be seen */
	changed = changed_database(statement);
	if (OidIsValid(changed))
		wf_wakeup_database(changed);
}

static void
process_utility(PlannedStmt *plan, const char *query, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *environment, DestReceiver *receiver,
				QueryCompletion *completion)
{
	Command		command = {plan, query, read_only_tree, context, params, environment, receiver, completion};
	Node	   *statement = plan->utilityStmt;

	if (wf_role_commands_concern(statement))
	{
		wf_role_commands_before(statement);
		pass_on(&command);
		wf_role_commands_after(statement);
	}
	else if (!concerns_us(statement))
		pass_on(&command);
	else if (IsA(statement, ConstraintsSetStmt))
	{
		ConstraintsSetStmt *set = (ConstraintsSetStmt *) statement;

		wf_restricted_constraints(set->constraints == NIL, set->deferred);
		pass_on(&command);
	}
	else if (IsA(statement, TransactionStmt))
	{
		WfPrepared	prepared;

		before_two_phase((TransactionStmt *) statement, &prepared);
		pass_on(&command);
		after_two_phase((TransactionStmt *) statement, &prepared);
	}
	else
		pass_on_watched(&command);
}

/* _PG_init's part: chains the ProcessUtility hook. */
void
wf_database_hold_init(void)
{
	previous_hook = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}
