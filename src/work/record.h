/*
 * record.h
 *	  What has failed is recorded in a transaction of its own.
 */
#ifndef WF_RECORD_H
#define WF_RECORD_H

/* What came of it that something was to be recorded. */
typedef enum WfRecord
{
	WF_RECORD_DONE,
	WF_RECORD_TAKEN,			/* not done: somebody else has it, or it is gone */
	WF_RECORD_FAILED			/* not done: an error, which was logged */
} WfRecord;

extern WfRecord wf_record(Oid extension, bool (*record) (void *arg), void *arg);

#endif							/* WF_RECORD_H */
