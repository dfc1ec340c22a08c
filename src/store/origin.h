/*
 * origin.h
 *	  Is this database the one its rows were written in?
 *
 * A dump restored elsewhere, a copy made with TEMPLATE and an upgraded
 * cluster carry all definitions, processes and timers, and the OIDs of roles
 * of another server.  Until somebody says with workflow.adopt() that work
 * goes on here, nothing runs and procedures refuse.
 */
#ifndef WF_ORIGIN_H
#define WF_ORIGIN_H

/*
 * In statements of adopt(), which resolves roles by their names: the OID of the
 * role with this name, 0 if there is none, ...
 */
#define WF_ORIGIN_ROLE_OF(name) \
	"COALESCE((SELECT r.oid FROM pg_catalog.pg_roles r" \
	" WHERE r.rolname OPERATOR(pg_catalog.=) " name "), 0)"

/*
 * ... and the condition on rows with the OID of a role.  Where the rows come
 * from another place ($1) all OIDs are resolved anew; at home only those of
 * roles that are gone, for a name may be another role's by now.  A name without
 * a role gets 0, and keeps no OID of another place.
 */
#define WF_ORIGIN_MUST_RESOLVE(role) \
	" WHERE $1 OR NOT EXISTS (SELECT FROM pg_catalog.pg_roles a" \
	" WHERE a.oid OPERATOR(pg_catalog.=) " role ")"

extern bool wf_origin_is_ours(void);
extern bool wf_origin_is_certain(void);
extern void wf_origin_require(void);
extern void wf_origin_write(void);
extern void wf_origin_renew(void);
extern void wf_origin_catch_up(void);

#endif							/* WF_ORIGIN_H */
