/*
 * order.h
 *	  The order in which search() returns processes, and its pages.
 */
#ifndef WF_ORDER_H
#define WF_ORDER_H

#include "utils/jsonb.h"
#include "utils/uuid.h"

typedef struct WfOrder
{
	const char *by;				/* "started_at", "updated_at", or an attribute */
	bool		attribute;		/* an attribute */
	bool		descending;
} WfOrder;

/* Which processes are on a page. */
typedef struct WfPage
{
	const pg_uuid_t *after;		/* those behind this one, or NULL: the first page */
	Jsonb	   *after_value;	/* and behind its value; NULL: that of now */
	int64		limit;			/* at most so many */
	Datum		versions;		/* int4[]: of these definitions */
	Oid			starter;		/* started by this role, if it is valid */
} WfPage;

extern WfOrder wf_order_read(const char *text);
extern int	wf_order_page(const WfOrder *order, Datum ids, const WfPage *page);

#endif							/* WF_ORDER_H */
