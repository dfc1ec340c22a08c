/*
 * element.h
 *	  The table workflow.element: elements for which states invoke something.
 */
#ifndef WF_ELEMENT_H
#define WF_ELEMENT_H

#include "utils/jsonb.h"
#include "utils/uuid.h"

/* Values of element.state. */
typedef enum WfElementState
{
	WF_ELEMENT_WAITS,
	WF_ELEMENT_RUNS,
	WF_ELEMENT_DONE,
	WF_ELEMENT_FAILED
} WfElementState;

/* The number of the row that has what all elements have in common. */
#define WF_ELEMENT_COMMON	(-1)

/* An element. */
typedef struct WfElement
{
	int			number;
	pg_uuid_t	child;
	Jsonb	   *data;
} WfElement;

extern void wf_element_add(const pg_uuid_t *process, const char *invoke, Jsonb *common, Jsonb *array);
extern Jsonb *wf_element_common(const pg_uuid_t *process, const char *invoke);
extern int	wf_element_next(const pg_uuid_t *process, const char *invoke, int from, int n,
							WfElement *elements);
extern void wf_element_begin(const pg_uuid_t *process, const char *invoke, int n,
							 const WfElement *elements);
extern void wf_element_refuse(const pg_uuid_t *process, const char *invoke, int number, Jsonb *error);
extern char *wf_element_find(const pg_uuid_t *process, const pg_uuid_t *child, int *number,
							 WfElementState *state);
extern void wf_element_end(const pg_uuid_t *child, WfElementState state, Jsonb *data);
extern Jsonb *wf_element_results(const pg_uuid_t *process, const char *invoke, Jsonb **failures);
extern int	wf_element_running(const pg_uuid_t *process, const char *invoke, pg_uuid_t **children);
extern void wf_element_forget(const pg_uuid_t *process, const char *invoke);

#endif							/* WF_ELEMENT_H */
