/*
 * own_id.h
 *	  Under which id this instance is a runtime.
 */
#ifndef WF_OWN_ID_H
#define WF_OWN_ID_H

#include "utils/array.h"

extern const char *wf_own_id(void);
extern const char *wf_own_id_besides(const char *id);
extern ArrayType *wf_own_id_all(void);

#endif							/* WF_OWN_ID_H */
