/*-------------------------------------------------------------------------
 *
 * xact_stack.c
 *	  What calls of this session are inside of one another.
 *
 * An error ends a call without telling it, and whoever caught the error goes
 * on.  So each entry keeps the subtransaction that it was pushed in: one whose
 * subtransaction is over is dead, and dropped at the next look.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "storage/proc.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/xact_stack.h"

typedef struct WfXactStackEntry
{
	void	   *item;
	LocalTransactionId lxid;
	SubTransactionId subid;
} WfXactStackEntry;

/* How many calls are under way: what errors ended is dropped first. */
int
wf_xact_stack_depth(WfXactStack *stack)
{
	while (stack->n > 0 &&
		   (stack->entries[stack->n - 1].lxid != WF_MY_LXID ||
			!SubTransactionIsActive(stack->entries[stack->n - 1].subid)))
		stack->n--;
	return stack->n;
}

/*
 * A call begins, in the present subtransaction; `item` is its own, and is
 * looked at only while it is alive.  Returns the depth before, for the pop.
 */
int
wf_xact_stack_push(WfXactStack *stack, void *item)
{
	int			depth = wf_xact_stack_depth(stack);
	WfXactStackEntry *entry;

	if (depth == stack->size)
	{
		int			size = Max(8, 2 * stack->size);

		stack->entries = stack->entries == NULL ?
			MemoryContextAlloc(TopMemoryContext, size * sizeof(WfXactStackEntry)) :
			repalloc(stack->entries, size * sizeof(WfXactStackEntry));
		stack->size = size;
	}
	entry = &stack->entries[stack->n++];
	entry->item = item;
	entry->lxid = WF_MY_LXID;
	entry->subid = GetCurrentSubTransactionId();
	return depth;
}

/* The call whose push returned this depth ends, and all inside of it. */
void
wf_xact_stack_pop(WfXactStack *stack, int depth)
{
	stack->n = Min(stack->n, depth);
}

/* The i-th of them, the outermost is 0; i is less than a depth just asked for. */
void *
wf_xact_stack_item(const WfXactStack *stack, int i)
{
	Assert(i >= 0 && i < stack->n);
	return stack->entries[i].item;
}
