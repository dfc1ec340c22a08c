/*-------------------------------------------------------------------------
 *
 * list.c
 *	  Lists of pointers, and sorted tables of names.
 *
 * Pure C.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "compiler/list.h"

/*
 * Append an item.  The list is allocated in the memory context that is
 * current at its first item.
 */
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

/*
 * Return the value that a table, sorted by name and of n entries, has for a
 * name of len bytes, or -1.
 */
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
