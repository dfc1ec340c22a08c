/*-------------------------------------------------------------------------
 *
 * setting_library.c
 *	  Libraries whose settings are not defined yet in this session.
 *
 * Runs in backends of clients.  A setting with a prefix that no library has
 * defined is either an application's own, or that of a library which is not
 * loaded yet; then it comes into force as soon as something of the library is
 * called.  Nobody but the library knows its prefixes, and those that are
 * called as their library is are not all (vector.so has hnsw.ef_search).  So
 * each library that functions of this database are in is searched for the
 * prefix, and is loaded if it has it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

#include "base/array.h"
#include "eval/setting_library.h"

/* Prefixes that were looked for, in a context of their own. */
static MemoryContext context = NULL;
static char **prefixes = NULL;
static int	nprefixes = 0;
static int	size = 0;

/* Functions have changed, and with them libraries, maybe. */
static bool outdated = false;

/* --- libraries ------------------------------------------------------------ */

/* Add a text to a list, unless it is there. */
static List *
add_once(List *list, char *text)
{
	ListCell   *cell;

	foreach(cell, list)
		if (strcmp(lfirst(cell), text) == 0)
			return list;
	return lappend(list, text);
}

/*
 * The libraries in which functions of this database are.  What initdb gives a
 * fixed OID is in libraries that convert encodings.
 */
static List *
list_libraries(void)
{
	Relation	relation = table_open(ProcedureRelationId, AccessShareLock);
	List	   *libraries = NIL;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_proc_prolang, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(ClanguageId));
	scan = systable_beginscan(relation, InvalidOid, false, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		file = heap_getattr(tuple, Anum_pg_proc_probin,
										RelationGetDescr(relation), &isnull);

		if (!isnull && ((Form_pg_proc) GETSTRUCT(tuple))->oid >= FirstGenbkiObjectId)
			libraries = add_once(libraries, TextDatumGetCString(file));
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return libraries;
}

/* --- files ---------------------------------------------------------------- */

/* The path of a library, with or without its suffix. */
static char *
library_path(const char *library, const char *suffix)
{
	const char *name = strncmp(library, "$libdir/", 8) == 0 ? library + 8 : library;

	return psprintf("%s%s%s%s", is_absolute_path(name) ? "" : pkglib_path,
					is_absolute_path(name) ? "" : "/", name, suffix);
}

/* The content of a file, or NULL if it cannot be read. */
static char *
read_library(const char *path, size_t *length)
{
	struct stat status;
	FILE	   *file = AllocateFile(path, PG_BINARY_R);
	char	   *content = NULL;

	if (file == NULL)
		return NULL;
	if (fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode))
	{
		content = palloc_extended(status.st_size + 1, MCXT_ALLOC_HUGE);
		*length = fread(content, 1, status.st_size, file);
	}
	FreeFile(file);
	return content;
}

static bool
is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '_' || c == '$';
}

/* Is there a text in a file that begins with the prefix and a point? */
static bool
has_prefix(const char *content, size_t length, const char *prefix)
{
	size_t		n = strlen(prefix);
	const char *end = content + length;
	const char *point = content;

	while ((point = memchr(point, '.', end - point)) != NULL)
	{
		if (point - content > (ptrdiff_t) n && !is_name_character(point[-(ptrdiff_t) n - 1]) &&
			pg_strncasecmp(point - n, prefix, n) == 0)
			return true;
		point++;
	}
	return false;
}

/* May a library define settings with this prefix?  If it cannot be read: yes. */
static bool
may_define(const char *library, const char *prefix)
{
	size_t		length = 0;
	char	   *content = read_library(library_path(library, DLSUFFIX), &length);
	bool		found;

	if (content == NULL)
		content = read_library(library_path(library, ""), &length);
	if (content == NULL)
		return true;
	found = has_prefix(content, length, prefix);
	pfree(content);
	return found;
}

/*
 * Load a library.  One that cannot be loaded has no settings, and what is in
 * it cannot be called.
 */
static void
load(const char *library)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		HOLD_INTERRUPTS();		/* who cancels it is not to get round it */
		load_file(library, false);
		RESUME_INTERRUPTS();
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
}

/* --- prefixes ------------------------------------------------------------- */

static void
on_function_change(Datum arg, int cache, uint32 hash)
{
	outdated = true;
}

/* Begin with an empty list of prefixes. */
static void
forget_prefixes(void)
{
	if (context == NULL)
	{
		context = AllocSetContextCreate(TopMemoryContext, "workflow prefixes",
										ALLOCSET_SMALL_SIZES);
		CacheRegisterSyscacheCallback(PROCOID, on_function_change, (Datum) 0);
	}
	MemoryContextReset(context);
	prefixes = NULL;
	nprefixes = size = 0;
	outdated = false;
}

/* Was this prefix looked for? */
static bool
is_known(const char *prefix, size_t length)
{
	if (context == NULL || outdated)
		forget_prefixes();
	for (int i = 0; i < nprefixes; i++)
		if (strncmp(prefixes[i], prefix, length) == 0 && prefixes[i][length] == '\0')
			return true;
	return false;
}

static void
remember(const char *prefix)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	*wf_array_grow(prefixes, nprefixes, size) = pstrdup(prefix);
	MemoryContextSwitchTo(old);
}

/*
 * Load the libraries of this database that may define a setting, by its
 * prefix; errors of loading them are not thrown.  False if that was done
 * before in this session, and no function has changed since.  The first time
 * reads pg_proc and files.
 */
bool
wf_setting_library_load(const char *setting)
{
	const char *point = strchr(setting, '.');
	char	   *prefix;
	ListCell   *cell;

	if (point == NULL || is_known(setting, point - setting))
		return false;
	prefix = pnstrdup(setting, point - setting);
	foreach(cell, list_libraries())
		if (may_define(lfirst(cell), prefix))
			load(lfirst(cell));
	remember(prefix);
	return true;
}
