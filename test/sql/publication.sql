\set ECHO none
\getenv srcdir PG_ABS_SRCDIR
\set begin :srcdir '/begin.psql'
\i :begin

-- Somebody publishes our tables, for change data capture, say: everything goes on.
SELECT FROM workflow.define($${"id": "parcel", "initial": "here", "context": {"place": "x", "tags": ["a", "a", "b"]},
    "search": {"place": "$.place", "tags": "$.tags"}, "states": {
    "here": {"on": {"move": {"actions": {"type": "assign", "context": {"place": {"@expr": "event->'data'"}, "tags": ["b", "b"]}}},
        "end": "over"}, "defer": ["later"],
        "after": {"1 day": {"target": "over"}}}, "over": {"type": "final"}}}$$);
SELECT FROM workflow.create_queue('parcels');
SELECT FROM workflow.create_job('parcel', queue => 'parcels');
RESET ROLE;
SELECT is((SELECT string_agg(c.oid::regclass::text, ', ') FROM pg_class c
    WHERE c.relnamespace = 'workflow'::regnamespace AND c.relkind IN ('r', 'p') AND NOT (c.relreplident = 'f' OR c.relreplident = 'd' AND EXISTS (
        SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate))),
    NULL, 'each of our tables has a replica identity');

-- The life of a process, and what becomes of it afterwards.
CREATE FUNCTION app.life() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    parcel uuid := workflow.start('parcel', key => 'one');
    done text;
BEGIN
    PERFORM workflow.send(parcel, 'move', '"there"', id => 'first');
    PERFORM workflow.post(parcel, 'move', '"away"');
    PERFORM workflow.work(10);
    PERFORM workflow.suspend(parcel), workflow.resume(parcel);
    PERFORM workflow.pause('parcel'), workflow.unpause('parcel');
    SELECT format('%s %s', c.context ->> 'place', (SELECT count(*) FROM workflow.search('parcel', attributes => '{"tags": ["b"], "place": "away"}')))
    INTO done FROM workflow.get(parcel) c;
    PERFORM workflow.send(parcel, 'end');
    PERFORM workflow.run_job('parcel', '{"n": 1}', key => 'one', after => ARRAY[workflow.run_job('parcel', key => 'two')]);
    PERFORM workflow.write_log('info', 'x', run => c.run, fence => c.fence),
        workflow.save_checkpoint('x', '1', c.run, c.fence), workflow.release(c.run, c.fence) FROM workflow.claim('parcels', 'w') c;
    PERFORM workflow.complete(c.run, c.fence) FROM workflow.claim('parcels', 'w', 10) c;
    PERFORM workflow.cancel_run(r.run) FROM workflow.runs r WHERE r.state = 'waiting';
    PERFORM workflow.publish('move', 'x', keep => '1 day');
    RETURN done || ' ' || (SELECT string_agg(DISTINCT r.state, ' ' ORDER BY r.state) FROM workflow.runs r) || ' ' || (SELECT e::text FROM workflow.erase(parcel) e);
END $$;
SET client_min_messages TO error;
CREATE FUNCTION app.published(publication text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    done text;
BEGIN
    EXECUTE 'CREATE PUBLICATION everything' || publication;
    SET LOCAL ROLE regress_app;
    done := app.life();
    RESET ROLE;
    DROP PUBLICATION everything;
    RETURN done;
END $$;
SELECT is(published(' FOR ALL TABLES'), published(''), 'a publication of all tables changes nothing');
SELECT is(published(' FOR TABLES IN SCHEMA workflow'), published(''), 'nor one of our schema');
SELECT is(published(' FOR TABLE workflow.attribute, workflow.process, workflow.timer'), published(''), 'nor one of some of our tables');

-- Retention: processes with attributes expire, the ring moves on.
CREATE PUBLICATION everything FOR ALL TABLES;
SELECT FROM workflow.expire('7 weeks');
SET ROLE regress_app;
SELECT FROM workflow.send(workflow.start('parcel', key => 'old'), 'end');
RESET ROLE;
CREATE FUNCTION app.weeks(OUT gone bigint) LANGUAGE plpgsql AS $$
BEGIN
    gone := 0;
    FOR week IN 1 .. 9 LOOP
        CALL app.clock('2030-01-01 00:00+00'::timestamptz + week * interval '1 week');
        gone := gone + (SELECT expired FROM workflow.expire('7 weeks'));
    END LOOP;
END $$;
SELECT is(weeks(), 1::bigint, 'what is over expires');
SELECT is((SELECT count(*) FROM workflow.attribute), 0::bigint, 'with what it is found by');

\set end :srcdir '/end.psql'
\i :end
