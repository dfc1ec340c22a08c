/*
 * carrier.h
 *	  The triggers of the server that call us, as statements find them.
 */
#ifndef WF_CARRIER_H
#define WF_CARRIER_H

/*
 * Does "g", a row of pg_trigger, call workflow.FUNCTION() with this one argument?
 * Arguments are stored with a zero byte behind each of them.
 */
#define WF_CARRIER(function, argument) \
	"g.tgfoid OPERATOR(pg_catalog.=) 'workflow." function "()'::pg_catalog.regprocedure" \
	" AND g.tgargs OPERATOR(pg_catalog.=) (pg_catalog.convert_to(" argument ", pg_catalog.getdatabaseencoding())" \
	" OPERATOR(pg_catalog.||) '\\x00'::pg_catalog.bytea)"

extern bool wf_carrier_can(Oid relation);

#endif							/* WF_CARRIER_H */
