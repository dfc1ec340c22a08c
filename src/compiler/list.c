/*-------------------------------------------------------------------------
 *
 * list.c
 *	  Growing lists, and sorted tables of names.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "compiler/list.h"

void
wf_list_add(WfList *list, void *item)
{
	if (list->items == NULL)
	{
		list->size = 4;
		list->items = palloc(list->size * sizeof(void *));
	}
	else if (list->n >= list->size)
	{
		list->size *= 2;
		list->items = repalloc(list->items, list->size * sizeof(void *));
	}
	list->items[list->n++] = item;
}

/* The value that a sorted table has for a name, or -1. */
int
wf_list_find_named(const WfNamed *table, int n, const char *name, int len)
{
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		const char *there = table[middle].name;
		int			order = strncmp(there, name, len);

		if (order == 0 && there[len] != '\0')
			order = 1;
		if (order == 0)
			return table[middle].value;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}
