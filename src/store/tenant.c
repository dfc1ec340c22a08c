/*-------------------------------------------------------------------------
 *
 * tenant.c
 *	  For whom the session works: which processes, runs and tasks there are for it.
 *
 * Runs in any backend, and locks nothing.  A session works for the tenant that
 * workflow.tenant names: what belongs to others, or to nobody, does not exist for it.
 * Without the setting everything does, unless the role is confined to tenants
 * (confine()), which workflow.permission says.  This is the only place that decides
 * that: views ask by workflow.sees_tenant(), our functions by wf_tenant_sees().  What
 * executors do of themselves asks nobody.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/errcodes.h"
#include "base/guc.h"
#include "base/quote.h"
#include "base/version.h"
#include "shmem/inval.h"
#include "store/statement.h"
#include "store/tenant.h"

/* A role is confined to a tenant, and perhaps to others. */
typedef struct Confined
{
	Oid			role;
	const char *tenant;
} Confined;

/* All of them, until the table is told to have changed. */
static WfInval watch = {.table = "permission"};
static MemoryContext context = NULL;
static Confined *confined;
static uint64 nconfined = 0;

/*
 * The tenants of a user, who is a member of what is confined.  A look at all that is, for
 * each call, would cost too much where each tenant has a role.
 */
typedef struct Mine
{
	Oid			user;			/* hash key */
	uint64		n;				/* 0: it may work for all */
	const char **tenants;
} Mine;

/* Of the users of this session, as long as nobody's memberships change; or NULL. */
static HTAB *known = NULL;
static MemoryContext users = NULL;

static WfStatement load_statement = {
	.sql = "SELECT p.role, pg_catalog.substr(p.definition, 8) FROM workflow.permission p"
	" WHERE p.privilege OPERATOR(pg_catalog.=) 'tenant'",
	.latest = true
};

/* Some role is another one by now, or a member of others. */
static void
on_role_change(Datum arg, int cache, uint32 hash)
{
	known = NULL;
}

static void
make_context(void)
{
	context = AllocSetContextCreate(CacheMemoryContext, "workflow tenants", ALLOCSET_SMALL_SIZES);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, on_role_change, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, on_role_change, (Datum) 0);
}

static void
fill(void)
{
	MemoryContext old;

	(void) wf_statement_execute(&load_statement, NULL, NULL, 0);
	MemoryContextReset(context);
	old = MemoryContextSwitchTo(context);
	confined = palloc(sizeof(Confined) * (SPI_processed + 1));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		bool		isnull;

		confined[i].role = DatumGetObjectId(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull));
		confined[i].tenant = TextDatumGetCString(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));
	}
	MemoryContextSwitchTo(old);
	nconfined = SPI_processed;
}

/*
 * Read who is confined, unless that is known.  Whoever asks may only be looking, with a
 * snapshot that is older than what was told: what is kept must not be.
 */
static void
load(void)
{
	bool		before;

	if (likely(wf_inval_is_good(&watch)))
		return;
	if (context == NULL)
		make_context();
	known = NULL;
	nconfined = 0;
	(void) wf_statement_owner();	/* the error without the extension */
	before = wf_statement_look_only(false);
	PG_TRY();
	{
		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		wf_inval_begin(&watch);
		fill();
		SPI_finish();
	}
	PG_CATCH();
	{
		watch.relation = InvalidOid;
		(void) wf_statement_look_only(before);
		PG_RE_THROW();
	}
	PG_END_TRY();
	(void) wf_statement_look_only(before);
}

/* Find out to which tenants a user is confined, by what it is a member of. */
static void
find_mine(Oid user, Mine *mine)
{
	Oid			admin = get_role_oid("workflow_admin", true);

	mine->n = 0;
	mine->tenants = MemoryContextAlloc(users, sizeof(char *) * nconfined);
	if (superuser_arg(user) || (OidIsValid(admin) && has_privs_of_role(user, admin)))
		return;
	for (uint64 i = 0; i < nconfined; i++)
		if (OidIsValid(confined[i].role) && has_privs_of_role(user, confined[i].role))
			mine->tenants[mine->n++] = confined[i].tenant;
}

/* Begin to know users anew. */
static void
make_known(void)
{
	HASHCTL		control = {.keysize = sizeof(Oid),.entrysize = sizeof(Mine)};

	if (users == NULL)
		users = AllocSetContextCreate(CacheMemoryContext, "workflow users of tenants", ALLOCSET_SMALL_SIZES);
	MemoryContextReset(users);
	control.hcxt = users;
	known = hash_create("workflow tenants of users", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* To which tenants is the current user confined?  NULL: to none. */
static const Mine *
find_confined(void)
{
	Oid			user = GetUserId();
	Mine	   *mine;
	Mine		found = {.user = user};

	load();
	if (likely(nconfined == 0))
		return NULL;
	if (known == NULL)
		make_known();
	mine = hash_search(known, &user, HASH_FIND, NULL);
	if (mine == NULL)
	{
		/* looking at roles may tell of changes */
		for (find_mine(user, &found); known == NULL; find_mine(user, &found))
			make_known();
		mine = hash_search(known, &user, HASH_ENTER, NULL);
		*mine = found;
	}
	return mine->n > 0 ? mine : NULL;
}

static bool
is_among(const Mine *mine, const char *tenant)
{
	for (uint64 i = 0; i < mine->n; i++)
		if (strcmp(mine->tenants[i], WF_TENANT_ANY) == 0 || strcmp(mine->tenants[i], tenant) == 0)
			return true;
	return false;
}

/* The one that a confined role works for: it says which, or has only one. */
static const char *
choose(const Mine *mine)
{
	if (wf_tenant[0] != '\0' && is_among(mine, wf_tenant))
		return wf_tenant;
	if (wf_tenant[0] != '\0')
		ereport(ERROR,
				(errcode(WF_ERR_NOT_ALLOWED),
				 errmsg("role \"%s\" may not work for tenant \"%s\"", GetUserNameFromId(mine->user, true),
						wf_quote(wf_tenant))));
	if (mine->n == 1 && strcmp(mine->tenants[0], WF_TENANT_ANY) != 0)
		return mine->tenants[0];
	ereport(ERROR,
			(errcode(WF_ERR_NOT_ALLOWED),
			 errmsg("role \"%s\" has to say for which tenant it works", GetUserNameFromId(mine->user, true)),
			 errhint("SET LOCAL workflow.tenant, in the transaction.")));
}

/*
 * The tenant for whom the session works, good until this is asked again; NULL: for all.
 * Error WF002 if the role is confined to tenants, and the setting names none, or another
 * one.  Needs a transaction.
 */
const char *
wf_tenant_current(void)
{
	const Mine *mine = find_confined();

	if (mine != NULL)
		return choose(mine);
	return wf_tenant[0] == '\0' ? NULL : wf_tenant;
}

/* May the current user work for this tenant?  NULL: for all, which a confined role never may. */
bool
wf_tenant_may(const char *tenant)
{
	const Mine *mine = find_confined();

	return mine == NULL || (tenant != NULL && is_among(mine, tenant));
}

/* wf_tenant_current() as a text, or 0: whose it is what is made now. */
Datum
wf_tenant_datum(void)
{
	const char *current = wf_tenant_current();

	return current == NULL ? (Datum) 0 : CStringGetTextDatum(current);
}

/*
 * Among whose keys a key is looked for, and taken, as a text; empty: those of nobody's,
 * which are the ones that a session finds which works for all.
 */
Datum
wf_tenant_keys(void)
{
	const char *current = wf_tenant_current();

	return CStringGetTextDatum(current == NULL ? "" : current);
}

static bool
is_named(Datum tenant, const char *name, size_t len)
{
	text	   *value;

	if (DatumGetPointer(tenant) == NULL)
		return false;
	value = DatumGetTextPP(tenant);
	return VARSIZE_ANY_EXHDR(value) == len && memcmp(VARDATA_ANY(value), name, len) == 0;
}

/*
 * Does what belongs to this tenant, a text or 0, exist for the session?  Errors of
 * wf_tenant_current().
 */
bool
wf_tenant_sees(Datum tenant)
{
	const char *current = wf_tenant_current();

	return likely(current == NULL) || is_named(tenant, current, strlen(current));
}

/* Are these the same tenant?  0 is none. */
bool
wf_tenant_same(Datum a, Datum b)
{
	text	   *name;

	if (likely(DatumGetPointer(a) == NULL || DatumGetPointer(b) == NULL))
		return DatumGetPointer(a) == DatumGetPointer(b);
	name = DatumGetTextPP(a);
	return is_named(b, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
}

/* Does what belongs to one exist for what belongs to `from`, or, 0, to none? */
bool
wf_tenant_reaches(Datum from, Datum tenant)
{
	return likely(DatumGetPointer(from) == NULL) || wf_tenant_same(from, tenant);
}

/* Its name in memory of the current context; empty: none. */
const char *
wf_tenant_name(Datum tenant)
{
	return DatumGetPointer(tenant) == NULL ? "" : TextDatumGetCString(tenant);
}

/* Has the SQL of the extension tenants?  That of versions before 0.3.0 does not. */
bool
wf_tenant_is_known(void)
{
	return wf_version_has_column("process", "tenant");
}

/*
 * Work for a tenant, or, with NULL or "", for none, until wf_tenant_work_on() or an
 * error: code that is called meanwhile finds it in the setting, and what is made then is
 * the tenant's.  Asks nobody.
 */
int
wf_tenant_work_for(const char *tenant)
{
	int			level;

	if (tenant == NULL)
		tenant = "";
	if (strcmp(wf_tenant, tenant) == 0)
		return 0;
	level = NewGUCNestLevel();
	(void) set_config_option("workflow.tenant", tenant, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

/* Go on as before wf_tenant_work_for(), which has returned this. */
void
wf_tenant_work_on(int level)
{
	if (level > 0)
		AtEOXact_GUC(false, level);
}

/* Say that other roles will be confined when this transaction commits. */
void
wf_tenant_changing(void)
{
	wf_inval_changing(&watch);
}
