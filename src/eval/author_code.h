/*
 * author_code.h
 *	  Code of an author that is part of no step: as whom, for how long.
 */
#ifndef WF_AUTHOR_CODE_H
#define WF_AUTHOR_CODE_H

#include "datatype/timestamp.h"

#include "eval/evaluator.h"
#include "eval/step_timeout.h"
#include "eval/user_context.h"

typedef void (*WfAuthorCode) (void *arg);

extern TimestampTz wf_author_code_until(void);
extern void wf_author_code_run(const WfAuthor *author, WfUserContext *bracket,
							   TimestampTz until, WfLimitOf of, WfAuthorCode code, void *arg);

#endif							/* WF_AUTHOR_CODE_H */
