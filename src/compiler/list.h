/*
 * list.h
 *	  Lists of pointers, and sorted tables of names.
 *
 * Pure, like chart.h.
 */
#ifndef WF_LIST_H
#define WF_LIST_H

/* A list of pointers; one that is zeroed is empty. */
typedef struct WfList
{
	int			n;
	int			size;
	void	  **items;
} WfList;

/* An entry of a table that is sorted once and then searched. */
typedef struct WfNamed
{
	const char *name;
	int			value;
} WfNamed;

extern void wf_list_add(WfList *list, void *item);
extern int	wf_list_find_named(const WfNamed *table, int n, const char *name,
							   int len);

#endif							/* WF_LIST_H */
