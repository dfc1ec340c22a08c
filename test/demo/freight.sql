-- A haulier: parcels are booked, weighed in this database, loaded in that of the depot, which is
-- another server, and delivered by a program outside. For demo/freight.
\set ON_ERROR_STOP 1
SET client_min_messages TO warning;
CREATE ROLE freight LOGIN;
CREATE ROLE lorry LOGIN;
CREATE ROLE depot LOGIN;
GRANT workflow_user TO freight, lorry;
GRANT workflow_runtime TO lorry, depot;
SELECT workflow.set_setting('number_of_skipped_intervals_to_suppose_death', '3');
CREATE SCHEMA shop AUTHORIZATION freight;
SET ROLE freight;
CREATE TABLE shop.weighed (parcel int, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE shop.shipped (parcel int, by text, at timestamptz DEFAULT clock_timestamp());
GRANT USAGE ON SCHEMA shop TO lorry;
GRANT INSERT ON shop.shipped TO lorry;

-- The depot has one of its own: this one never runs.
CREATE FUNCTION shop.load(params jsonb, run jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb';
SELECT workflow.create_queue('depot', placement => '{runtime:depot}'), workflow.create_queue('lorries');
SELECT workflow.create_job('weigh', 'INSERT INTO shop.weighed (parcel) VALUES ($parcel)', '{"parcel": "int"}'),
    workflow.create_job('load', 'shop.load', '{"parcel": "int"}', queue => 'depot'),
    workflow.create_job('ship', parameters => '{"parcel": "int", "seconds": "numeric"}', queue => 'lorries');
SELECT workflow.grant_on('queue:lorries', 'lorry', 'claim');
SELECT workflow.define('{"id": "parcel", "initial": "booked", "context": {"n": null}, "states": {
    "booked": {"after": {"2 seconds": "weighing"}, "on": {"hurry": "weighing"}},
    "weighing": {"invoke": {"job": "weigh", "input": {"parcel": {"@expr": "context->''n''"}}, "onDone": "loading"}},
    "loading": {"invoke": {"job": "load", "input": {"parcel": {"@expr": "context->''n''"}}, "onDone": "shipping"}},
    "shipping": {"invoke": {"job": "ship", "input": {"parcel": {"@expr": "context->''n''"}, "seconds": 0.01}, "onDone": "delivered"}},
    "delivered": {"type": "final"}}}');

-- Book parcels. Those of a call whose answer was lost are booked already.
CREATE FUNCTION shop.book(first int, last int) RETURNS void LANGUAGE sql AS $$
    SELECT workflow.start('parcel', jsonb_build_object('n', n), key => n::text)
    FROM generate_series(first, last) n WHERE NOT EXISTS (SELECT FROM workflow.processes WHERE key = n::text)
$$;

-- Some do not want to wait; returns the parcels whose command was taken.
CREATE FUNCTION shop.hurry() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT p.key FROM (SELECT id, key FROM workflow.processes WHERE states = '{booked}' ORDER BY random() LIMIT 5) p, workflow.send(p.id, 'hurry') s
    WHERE s.taken
$$;
