/*
 * mask.h
 *	  Values that are hidden: in documents, and in texts that may quote them.
 */
#ifndef WF_MASK_H
#define WF_MASK_H

#include "utils/jsonb.h"

/* What stands where a value is hidden, whatever it was; null stays null. */
#define WF_MASKED	"***"

typedef struct WfMask WfMask;

extern WfMask *wf_mask_new(int n, const char *const *pointers);
extern void wf_mask_learn(WfMask *mask, Jsonb *truth);
extern Jsonb *wf_mask_document(WfMask *mask, Jsonb *document);
extern char *wf_mask_text(WfMask *mask, const char *text);

#endif							/* WF_MASK_H */
