/*-------------------------------------------------------------------------
 *
 * setting_list.c
 *	  The settings of this process that are not at their defaults.
 *
 * Runs in every process.  Asked at each event of a foreign definition, so it
 * must cost nothing: the server keeps the list itself from version 16 on, but
 * lets nobody see it except through the links of its members.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/array.h"
#include "eval/setting_list.h"

/* All settings of this process; slow from 16 on. */
static struct config_generic **
all_settings(int *n)
{
#if PG_VERSION_NUM >= 160000
	return get_guc_variables(n);
#else
	*n = GetNumConfigOptions();
	return get_guc_variables();
#endif
}

#if PG_VERSION_NUM >= 160000
static dlist_head *not_default = NULL;

/* Is this the link of one of the settings? */
static bool
is_setting(const dlist_node *node, struct config_generic **all, int n)
{
	for (int i = 0; i < n; i++)
		if (node == &all[i]->nondef_link)
			return true;
	return false;
}

/*
 * Find the head of the server's list: what is in the ring of links and is not
 * the link of a setting.
 */
static dlist_head *
find_list(void)
{
	int			n;
	struct config_generic **all = all_settings(&n);

	for (int i = 0; i < n; i++)
	{
		dlist_node *first = &all[i]->nondef_link;
		dlist_node *node;

		if (all[i]->source == PGC_S_DEFAULT)
			continue;
		for (node = first->next; node != first; node = node->next)
			if (!is_setting(node, all, n))
				return (dlist_head *) node;
	}
	elog(ERROR, "the list of settings was not found");
	return NULL;				/* keep compiler quiet */
}
#endif

/* _PG_init's part: find the server's list. */
void
wf_setting_list_init(void)
{
#if PG_VERSION_NUM >= 160000
	not_default = find_list();
#endif
}

/*
 * Return the settings whose source is not PGC_S_DEFAULT, and maybe others, in
 * an array that is good until the next call.  Before 16 these are all that
 * there are.
 */
struct config_generic **
wf_setting_list(int *n)
{
#if PG_VERSION_NUM >= 160000
	static struct config_generic **list = NULL;
	static int	size = 0;
	int			count = 0;
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	dlist_iter	iter;

	dlist_foreach(iter, not_default)
	{
		struct config_generic **entry = wf_array_grow(list, count, size);

		*entry = dlist_container(struct config_generic, nondef_link, iter.cur);
	}
	MemoryContextSwitchTo(old);
	*n = count;
	return list;
#else
	return all_settings(n);
#endif
}

/* Return the setting of this name, written as the server writes it, or NULL. */
struct config_generic *
wf_setting_list_find(const char *name)
{
	int			n;
	struct config_generic **all = all_settings(&n);

	for (int i = 0; i < n; i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
}
