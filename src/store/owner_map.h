/*
 * owner_map.h
 *	  The table workflow.owner_map_entry: as whom runs of another server are done here.
 */
#ifndef WF_OWNER_MAP_H
#define WF_OWNER_MAP_H

extern bool wf_owner_map_set(const char *remote_owner, const char *local_role);
extern bool wf_owner_map_unset(const char *remote_owner);
extern char *wf_owner_map_find(const char *remote_owner);

#endif							/* WF_OWNER_MAP_H */
