/*
 * publication.h
 *	  Who gets what is published.
 */
#ifndef WF_PUBLICATION_H
#define WF_PUBLICATION_H

#include "datatype/timestamp.h"

#include "store/published.h"

extern uint64 wf_publication_deliver(const WfPublished *published, bool acts);
extern TimestampTz wf_publication_settle(bool *more);

#endif							/* WF_PUBLICATION_H */
