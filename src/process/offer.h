/*
 * offer.h
 *	  The commands that a process would take, and why not the others.
 */
#ifndef WF_OFFER_H
#define WF_OFFER_H

#include "process/process.h"

/* Would a process take a command? */
typedef enum WfOfferKind
{
	WF_OFFER_TAKEN,
	WF_OFFER_DATA,				/* that depends on its data */
	WF_OFFER_GUARD,				/* no: no guard holds, whatever its data */
	WF_OFFER_ALLOW,				/* no: `allow` keeps the actor from it */
	WF_OFFER_UNDECLARED			/* no: the definition does not accept it */
} WfOfferKind;

extern WfOfferKind wf_offer(WfProcess *process, const char *event, const char *actor);
extern void wf_offer_list(WfProcess *process, const char *actor,
						  void (*found) (void *arg, const char *event, WfOfferKind kind),
						  void *arg);
extern void wf_offer_require(WfProcess *process, const WfEvent *event);

#endif							/* WF_OFFER_H */
