/*
 * member_silence.h
 *	  Which members say nothing, and for how long.
 */
#ifndef WF_MEMBER_SILENCE_H
#define WF_MEMBER_SILENCE_H

/* What becomes of somebody who asks to register under an id that is in use. */
typedef enum WfMemberAsked
{
	WF_MEMBER_IS_SILENT,		/* the one before has gone */
	WF_MEMBER_IS_ANOTHER,		/* the one before lives */
	WF_MEMBER_ASK_LATER
} WfMemberAsked;

extern WfMemberAsked wf_member_silence_ask(const char *id, uint64 asker, int64 now, int64 *wait);
extern int64 wf_member_silence_at(Oid dbid);
extern bool wf_member_silence_slept(int64 now);

#endif							/* WF_MEMBER_SILENCE_H */
