/*
 * key.h
 *	  The table workflow.key: processes by the names that users gave them.
 */
#ifndef WF_KEY_H
#define WF_KEY_H

#include "utils/array.h"
#include "utils/uuid.h"

/* A process that was found by one of several keys. */
typedef struct WfKeyFound
{
	int			at;				/* which key */
	pg_uuid_t	process;
	int32		definition;
} WfKeyFound;

extern bool wf_key_find(const char *definition, const char *key, pg_uuid_t *process);
extern int	wf_key_find_many(const char *definition, ArrayType *keys, WfKeyFound **found);
extern void wf_key_take(const char *definition, int n, Datum *keys, bool *nulls,
						bool renew, bool *early, pg_uuid_t *ids, bool *is_new);
extern bool wf_key_hold(const char *definition, const char *key);
extern void wf_key_let_go(const char *definition, const char *key);
extern bool wf_key_settle(const char *definition, const char *key, pg_uuid_t *process);

#endif							/* WF_KEY_H */
