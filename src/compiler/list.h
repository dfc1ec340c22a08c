/*
 * list.h
 *	  Lists of pointers, sorted tables of names, and numbers by name.
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

/* A hash table from names to numbers; one that is zeroed is empty. */
typedef struct WfNumbers
{
	int			n;
	int			size;			/* of slots, a power of two, or 0 */
	WfNamed    *slots;			/* name NULL: free */
} WfNumbers;

extern void wf_list_add(WfList *list, void *item);
extern int	wf_list_find_named(const WfNamed *table, int n, const char *name,
							   int len);
extern int	wf_list_number(WfNumbers *table, const char *name, int number);

#endif							/* WF_LIST_H */
