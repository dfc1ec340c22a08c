-- Was anything lost, or done twice? For demo/freight, in what is the primary at the end.
-- loaded: what the depot has; acked: parcels whose booking was answered; hurried: those
-- whose command was. verdict: where the answer goes.
SET client_min_messages TO warning;
SET timezone TO 'UTC';
CREATE TEMP TABLE loaded (parcel int);
CREATE TEMP TABLE acked (parcel int);
CREATE TEMP TABLE hurried (key text);
\o /dev/null
SELECT format('\copy loaded FROM %L', :'loaded') AS a, format('\copy acked FROM %L', :'acked') AS b, format('\copy hurried FROM %L', :'hurried') AS c \gset
\o
:a
:b
:c
CREATE TEMP TABLE proof AS
SELECT row_number() OVER () AS line, what, expected::numeric, found::numeric, expected::numeric IS NOT DISTINCT FROM found::numeric AS ok
FROM (VALUES
    ('parcels booked, each one process',             (SELECT count(*) FROM acked),              (SELECT count(DISTINCT key) FROM workflow.processes)),
    ('... whose booking was answered, and which are gone', 0,                                   (SELECT count(*) FROM acked WHERE NOT EXISTS (SELECT FROM workflow.processes p WHERE p.key = parcel::text))),
    ('... delivered',                                (SELECT count(*) FROM acked),              (SELECT count(*) FROM workflow.processes WHERE status = 'finalized' AND states = '{delivered}')),
    ('commands that were answered, and are in the history', (SELECT count(*) FROM hurried),     (SELECT count(*) FROM hurried h WHERE EXISTS (SELECT FROM workflow.process_history p WHERE p.key = h.key AND p.event = 'hurry'))),
    ('weighed here: parcels',                        (SELECT count(*) FROM acked),              (SELECT count(DISTINCT parcel) FROM shop.weighed)),
    ('... twice',                                    0,                                         (SELECT count(*) - count(DISTINCT parcel) FROM shop.weighed)),
    ('loaded in the database of the depot: parcels', (SELECT count(*) FROM acked),              (SELECT count(DISTINCT parcel) FROM loaded)),
    ('... twice',                                    0,                                         (SELECT count(*) - count(DISTINCT parcel) FROM loaded)),
    ('shipped by the program outside: parcels',      (SELECT count(*) FROM acked),              (SELECT count(DISTINCT parcel) FROM shop.shipped)),
    ('... written twice',                            0,                                         (SELECT count(*) - count(DISTINCT parcel) FROM shop.shipped)),
    ('runs left over, or not finished',              0,                                         (SELECT count(*) FROM workflow.runs WHERE state <> 'finished')),
    ('timers that fired before they were due',       0,                                         (SELECT count(*) FROM workflow.process_history WHERE at < due)),
    ('timers and errors left over',                  0,                                         (SELECT count(*) FROM workflow.timers) + (SELECT count(*) FROM workflow.errors)),
    ('faults that check() finds',                    0,                                         (SELECT count(*) FROM workflow.check()))
) AS p(what, expected, found);
\pset footer off
SELECT what AS "proof", expected, found, CASE WHEN ok THEN 'ok' ELSE 'WRONG' END AS " " FROM proof ORDER BY line;
SELECT id, kind, state FROM workflow.runtimes ORDER BY kind, id;
\pset format unaligned
\t on
\o :verdict
SELECT bool_and(ok) FROM proof;
\o
