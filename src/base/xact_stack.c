/*-------------------------------------------------------------------------
 *
 * xact_stack.c
 *	  Stacks of nested calls in this session.
 *
 * Runs in any backend.  An error ends a call without telling it, and whoever
 * catches the error goes on.  Therefore each entry keeps the subtransaction
 * in which it was pushed.  An entry whose subtransaction is over is dead and
 * is dropped at the next look, so that callers need no PG_TRY().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "storage/proc.h"
#include "utils/memutils.h"

#include "base/array.h"
#include "base/compat.h"
#include "base/xact_stack.h"

typedef struct WfXactStackEntry
{
	void	   *item;
	LocalTransactionId lxid;
	SubTransactionId subid;
} WfXactStackEntry;

/* Drop dead entries, and return how many calls are under way. */
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
 * Push a call that begins in the current subtransaction.  `item` belongs to
 * the caller and must live until the call ends; the stack never follows it.
 * Returns the depth before, for wf_xact_stack_pop().  The stack itself is
 * allocated in TopMemoryContext.
 */
int
wf_xact_stack_push(WfXactStack *stack, void *item)
{
	int			depth = wf_xact_stack_depth(stack);
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	WfXactStackEntry *entry = wf_array_grow(stack->entries, stack->n, stack->size);

	MemoryContextSwitchTo(old);
	entry->item = item;
	entry->lxid = WF_MY_LXID;
	entry->subid = GetCurrentSubTransactionId();
	return depth;
}

/* End the call whose push returned this depth, and all calls inside of it. */
void
wf_xact_stack_pop(WfXactStack *stack, int depth)
{
	stack->n = Min(stack->n, depth);
}

/*
 * Return the item of the i-th call, the outermost of which is 0.  i must be
 * less than a depth that was just asked for, since dead entries are not
 * skipped.
 */
void *
wf_xact_stack_item(const WfXactStack *stack, int i)
{
	Assert(i >= 0 && i < stack->n);
	return stack->entries[i].item;
}
