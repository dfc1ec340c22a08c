-- What the system catalogs say of the extension: one row a fact, in a fixed
-- order, without OIDs and without the names of who made it. Two databases where
-- this gives the same have the same extension. For psql, by a superuser.
SET search_path TO pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION pg_temp.role(role oid, owner oid) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN role = 0 THEN 'PUBLIC' WHEN role = owner THEN 'owner' ELSE role::regrole::text END $$;
-- Null: nothing was ever granted or revoked, which is not the same as any list.
CREATE OR REPLACE FUNCTION pg_temp.rights(acl aclitem[], owner oid) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN acl IS NULL THEN 'default' ELSE coalesce((
        SELECT string_agg(format('%s=%s%s by %s', pg_temp.role(a.grantee, owner), a.privilege_type,
                                 CASE WHEN a.is_grantable THEN '*' END, pg_temp.role(a.grantor, owner)), ', '
                          ORDER BY pg_temp.role(a.grantee, owner), a.privilege_type, pg_temp.role(a.grantor, owner))
        FROM aclexplode(acl) a), 'none') END $$;

WITH
extension AS (SELECT * FROM pg_extension WHERE extname = 'workflow'),
ns AS (SELECT n.* FROM pg_namespace n WHERE n.nspname = 'workflow'),
-- everything in the schema, member or not, and what hangs on it
relation AS (SELECT c.*, c.oid::regclass::text AS name FROM pg_class c, ns WHERE c.relnamespace = ns.oid),
thing (classid, objid) AS (
    SELECT d.classid, d.objid FROM pg_depend d, extension e
    WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
    UNION SELECT 'pg_extension'::regclass, e.oid FROM extension e
    UNION SELECT 'pg_namespace'::regclass, ns.oid FROM ns
    UNION SELECT 'pg_class'::regclass, r.oid FROM relation r
    UNION SELECT 'pg_type'::regclass, t.oid FROM pg_type t, ns WHERE t.typnamespace = ns.oid
    UNION SELECT 'pg_proc'::regclass, p.oid FROM pg_proc p, ns WHERE p.pronamespace = ns.oid
    UNION SELECT 'pg_operator'::regclass, o.oid FROM pg_operator o, ns WHERE o.oprnamespace = ns.oid
    UNION SELECT 'pg_collation'::regclass, c.oid FROM pg_collation c, ns WHERE c.collnamespace = ns.oid
    UNION SELECT 'pg_statistic_ext'::regclass, s.oid FROM pg_statistic_ext s, ns WHERE s.stxnamespace = ns.oid
    UNION SELECT 'pg_constraint'::regclass, c.oid FROM pg_constraint c, ns WHERE c.connamespace = ns.oid
    UNION SELECT 'pg_attrdef'::regclass, a.oid FROM pg_attrdef a JOIN relation r ON r.oid = a.adrelid
    UNION SELECT 'pg_trigger'::regclass, t.oid FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid
    UNION SELECT 'pg_rewrite'::regclass, w.oid FROM pg_rewrite w JOIN relation r ON r.oid = w.ev_class
    UNION SELECT 'pg_policy'::regclass, p.oid FROM pg_policy p JOIN relation r ON r.oid = p.polrelid),
fact (subject, name, says) AS (
    SELECT 'extension', e.extname::text,
           format('%s, schema %s, relocatable %s, owner''s schema %s', e.extversion, e.extnamespace::regnamespace, e.extrelocatable,
                  e.extowner = (SELECT nspowner FROM ns))
    FROM extension e
    UNION ALL
    SELECT 'dumped', c.relation::regclass::text, coalesce(c.condition, 'no condition')
    FROM extension e, unnest(e.extconfig, e.extcondition) c(relation, condition)
    UNION ALL
    SELECT 'schema', ns.nspname, pg_temp.rights(ns.nspacl, ns.nspowner) FROM ns
    UNION ALL
    SELECT 'object', i.type || ' ' || i.identity, '' FROM thing t, pg_identify_object(t.classid, t.objid, 0) i

    UNION ALL
    SELECT 'relation', r.name, concat_ws(', ', r.relkind, r.relpersistence, r.relreplident,
           'options ' || (SELECT string_agg(o, ' ' ORDER BY o) FROM unnest(r.reloptions) o),
           'toast ' || (SELECT string_agg(o, ' ' ORDER BY o) FROM pg_class t, unnest(t.reloptions) o WHERE t.oid = r.reltoastrelid),
           CASE WHEN r.reltoastrelid <> 0 THEN 'has toast' END,
           (SELECT am.amname FROM pg_am am WHERE am.oid = r.relam), 'space ' || r.reltablespace,
           CASE WHEN r.relrowsecurity THEN 'row security' END, CASE WHEN r.relforcerowsecurity THEN 'forced' END,
           'partition ' || pg_get_expr(r.relpartbound, r.oid), 'by ' || pg_get_partkeydef(r.oid),
           'of type ' || nullif(r.reloftype, 0)::regtype, CASE WHEN r.relowner <> ns.nspowner THEN 'of another owner' END,
           'rights ' || pg_temp.rights(r.relacl, r.relowner))
    FROM relation r, ns
    UNION ALL
    SELECT 'column', r.name || ' ' || to_char(a.attnum, 'FM000'),
           CASE WHEN a.attisdropped THEN 'dropped' ELSE concat_ws(', ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
           'collation ' || nullif(a.attcollation, 0)::regcollation, CASE WHEN a.attnotnull THEN 'not null' END,
           'default ' || pg_get_expr(d.adbin, d.adrelid), 'identity ' || nullif(a.attidentity::text, ''), 'generated ' || nullif(a.attgenerated::text, ''),
           'storage ' || a.attstorage::text, 'compression ' || nullif(a.attcompression::text, ''), 'statistics ' || nullif(a.attstattarget, -1),
           -- pg_attver is a counter that some minor versions keep there
           'options ' || (SELECT string_agg(o, ' ' ORDER BY o) FROM unnest(a.attoptions) o WHERE o !~ '^pg_attver='), 'rights ' || pg_temp.rights(a.attacl, r.relowner)) END
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    UNION ALL
    SELECT 'constraint', coalesce(nullif(c.conrelid, 0)::regclass::text, c.contypid::regtype::text) || ' ' || c.conname,
           format('%s, validated %s, deferrable %s %s, local %s %s', pg_get_constraintdef(c.oid), c.convalidated,
                  c.condeferrable, c.condeferred, c.conislocal, c.coninhcount)
    FROM pg_constraint c, ns WHERE c.connamespace = ns.oid
    UNION ALL
    SELECT 'index', r.name, format('%s, valid %s, ready %s, live %s, cluster %s, identity %s, immediate %s', pg_get_indexdef(x.indexrelid),
           x.indisvalid, x.indisready, x.indislive, x.indisclustered, x.indisreplident, x.indimmediate)
    FROM relation r JOIN pg_index x ON x.indexrelid = r.oid
    UNION ALL
    SELECT 'inherits', i.inhrelid::regclass::text, i.inhparent::regclass || ' ' || i.inhseqno
    FROM pg_inherits i JOIN relation r ON r.oid = i.inhrelid
    UNION ALL
    SELECT 'sequence', r.name, format('%s from %s by %s, %s to %s, cache %s, cycle %s', s.seqtypid::regtype, s.seqstart, s.seqincrement,
           s.seqmin, s.seqmax, s.seqcache, s.seqcycle)
    FROM relation r JOIN pg_sequence s ON s.seqrelid = r.oid
    UNION ALL
    SELECT 'rule', r.name || ' ' || w.rulename, pg_get_ruledef(w.oid) || w.ev_enabled::text
    FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid
    UNION ALL
    SELECT 'trigger', r.name || ' ' || t.tgname, pg_get_triggerdef(t.oid) || t.tgenabled::text
    FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid
    UNION ALL
    SELECT 'policy', r.name || ' ' || p.polname, format('%s %s %s using %s check %s', p.polcmd, p.polpermissive, p.polroles::regrole[],
           pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
    UNION ALL
    SELECT 'statistics', s.stxname, pg_get_statisticsobjdef(s.oid) FROM pg_statistic_ext s, ns WHERE s.stxnamespace = ns.oid

    UNION ALL
    SELECT 'function', p.oid::regprocedure::text, concat_ws(', ',
           CASE WHEN p.prokind IN ('f', 'p', 'w') THEN pg_get_functiondef(p.oid) ELSE p.prokind::text || p.prosrc END,
           CASE WHEN p.proowner <> ns.nspowner THEN 'of another owner' END, 'rights ' || pg_temp.rights(p.proacl, p.proowner))
    FROM pg_proc p, ns WHERE p.pronamespace = ns.oid
    UNION ALL
    SELECT 'type', t.oid::regtype::text, concat_ws(', ', t.typtype, t.typcategory, t.typlen, t.typalign, t.typstorage, CASE WHEN t.typnotnull THEN 'not null' END,
           'base ' || format_type(nullif(t.typbasetype, 0), t.typtypmod), 'default ' || t.typdefault, 'collation ' || nullif(t.typcollation, 0)::regcollation,
           'labels ' || (SELECT string_agg(quote_literal(l.enumlabel), ' ' ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = t.oid),
           'of ' || (SELECT format('%s %s %s', g.rngsubtype::regtype, g.rngsubopc, g.rngcollation) FROM pg_range g WHERE g.rngtypid = t.oid),
           CASE WHEN t.typowner <> ns.nspowner THEN 'of another owner' END, 'rights ' || pg_temp.rights(t.typacl, t.typowner))
    FROM pg_type t, ns WHERE t.typnamespace = ns.oid
    UNION ALL
    SELECT 'operator', o.oid::regoperator::text, concat_ws(', ', o.oprcode::regprocedure, o.oprresult::regtype, o.oprcom::regoperator, o.oprnegate::regoperator,
           o.oprrest::regproc, o.oprjoin::regproc, o.oprcanmerge, o.oprcanhash)
    FROM pg_operator o, ns WHERE o.oprnamespace = ns.oid

    UNION ALL
    SELECT 'comment', pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description
    FROM pg_description d JOIN thing t ON t.classid = d.classoid AND t.objid = d.objoid
    UNION ALL
    SELECT 'label', pg_describe_object(l.classoid, l.objoid, l.objsubid), l.provider || ' ' || l.label
    FROM pg_seclabel l JOIN thing t ON t.classid = l.classoid AND t.objid = l.objoid
    UNION ALL
    SELECT 'rights at first', pg_describe_object(p.classoid, p.objoid, p.objsubid), p.privtype::text || ' ' || pg_temp.rights(p.initprivs, ns.nspowner)
    FROM pg_init_privs p JOIN thing t ON t.classid = p.classoid AND t.objid = p.objoid, ns
    UNION ALL
    SELECT 'rights of what is to come', coalesce(nullif(a.defaclnamespace, 0)::regnamespace::text, 'anywhere') || ' ' || a.defaclobjtype::text,
           pg_temp.rights(a.defaclacl, ns.nspowner)
    FROM pg_default_acl a, ns WHERE a.defaclrole = ns.nspowner OR a.defaclnamespace = ns.oid
    UNION ALL
    -- who is named after a table has its number
    SELECT 'dependency', pg_describe_object(d.classid, d.objid, d.objsubid),
           d.deptype::text || ' ' || pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
    FROM pg_depend d JOIN thing t ON t.classid = d.classid AND t.objid = d.objid)
SELECT subject, name, replace(says, E'\n', ' ') AS says
FROM fact
ORDER BY subject COLLATE "C", name COLLATE "C", says COLLATE "C";
