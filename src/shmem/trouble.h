/*
 * trouble.h
 *	  An error of a background worker, kept for whoever looks.
 */
#ifndef WF_TROUBLE_H
#define WF_TROUBLE_H

#include "datatype/timestamp.h"
#include "utils/elog.h"

/* Longer messages are cut. */
#define WF_TROUBLE_MESSAGE	256

/* All zero: there was none. */
typedef struct WfTrouble
{
	TimestampTz at;
	int			sqlstate;		/* packed; 0: there was none */
	char		message[WF_TROUBLE_MESSAGE];
} WfTrouble;

extern void wf_trouble_fill(WfTrouble *trouble, const ErrorData *error);

#endif							/* WF_TROUBLE_H */
