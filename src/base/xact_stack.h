/*
 * xact_stack.h
 *	  Stacks of nested calls in this session.
 */
#ifndef WF_XACT_STACK_H
#define WF_XACT_STACK_H

/* A stack; one that is zeroed is empty. */
typedef struct WfXactStack
{
	int			n;
	int			size;
	struct WfXactStackEntry *entries;
} WfXactStack;

extern int	wf_xact_stack_depth(WfXactStack *stack);
extern int	wf_xact_stack_push(WfXactStack *stack, void *item);
extern void wf_xact_stack_pop(WfXactStack *stack, int depth);
extern void *wf_xact_stack_item(const WfXactStack *stack, int i);

#endif							/* WF_XACT_STACK_H */
