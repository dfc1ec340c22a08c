/*-------------------------------------------------------------------------
 *
 * list.c
 *	  Lists of pointers, sorted tables of names, and numbers by name.
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

/* Return the slot of a name, or the free one where it belongs. */
static WfNamed *
slot_of(const WfNumbers *table, const char *name)
{
	uint32		hash = 2166136261u;
	uint32		slot;

	for (const char *p = name; *p; p++)
		hash = (hash ^ (unsigned char) *p) * 16777619u;
	slot = (hash ^ (hash >> 15)) & (table->size - 1);
	while (table->slots[slot].name != NULL && strcmp(table->slots[slot].name, name) != 0)
		slot = (slot + 1) & (table->size - 1);
	return &table->slots[slot];
}

static void
grow(WfNumbers *table)
{
	WfNumbers	old = *table;

	table->size = old.size == 0 ? 16 : old.size * 2;
	table->slots = palloc0(table->size * sizeof(WfNamed));
	for (int i = 0; i < old.size; i++)
		if (old.slots[i].name != NULL)
			*slot_of(table, old.slots[i].name) = old.slots[i];
	if (old.slots != NULL)
		pfree(old.slots);
}

/*
 * Return the number of a name.  One that has none gets this number, which is
 * returned then.  The name is not copied; the table is in the memory context
 * that is current when it grows.
 */
int
wf_list_number(WfNumbers *table, const char *name, int number)
{
	WfNamed    *slot;

	if (table->n * 2 >= table->size)
		grow(table);
	slot = slot_of(table, name);
	if (slot->name == NULL)
	{
		table->n++;
		*slot = (WfNamed) {name, number};
	}
	return slot->value;
}
