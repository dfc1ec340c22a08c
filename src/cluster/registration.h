/*
 * registration.h
 *	  Runtimes begin and end.
 */
#ifndef WF_REGISTRATION_H
#define WF_REGISTRATION_H

#include "store/runtime_row.h"

/* Who asks to be registered. */
typedef struct WfRegistrationAsk
{
	const char *id;
	WfRuntimeKind kind;
	WfMemberRole role;
	const char *fingerprint;	/* or NULL */
	const char *address;
	Jsonb	   *info;			/* or NULL */
} WfRegistrationAsk;

typedef struct WfRegistrationAnswer
{
	int64		epoch;			/* 0: none yet */
	WfRuntimeState state;
	int64		wait;			/* us */
} WfRegistrationAnswer;

extern WfRegistrationAnswer wf_registration_ask(const WfRegistrationAsk *ask);
extern void wf_registration_give_back(const WfRuntimeRow *row);
extern void wf_registration_end(const char *id, int64 epoch);
extern void wf_registration_remove(const char *id);
extern void wf_registration_approve(const char *id);
extern void wf_registration_role(const char *id, WfMemberRole role);

#endif							/* WF_REGISTRATION_H */
