-- Does everything fit together?

-- is_configuration(definition id, states): may these be what is active in a
-- process of this definition? For check(). Error WF006.
CREATE FUNCTION workflow.is_configuration(definition int, states text[]) RETURNS boolean
    LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'workflow_is_configuration';

-- What does not fit together. A view, so that it reads the tables with the
-- rights of the extension's owner.
CREATE VIEW workflow.inconsistencies (problem, process, detail) WITH (security_barrier) AS
    WITH
    -- what was restored or copied has roles of elsewhere until adopt()
    home AS (
        SELECT NOT EXISTS (SELECT FROM workflow.stamp s
            WHERE s.system_identifier <> (SELECT c.system_identifier FROM pg_control_system() c)
               OR s.database <> (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
               OR s.relation <> 'workflow.stamp'::regclass) AS here),
    -- the partition that is emptied next may have rows of processes that are gone
    emptied AS (
        SELECT (COALESCE((SELECT r.slot FROM workflow.ring r), 0) + 1) % 8 AS slot),
    p AS NOT MATERIALIZED (
        SELECT q.*, d.name, d.owner,
               workflow.is_over(q.status, q.states, q.step) AS over,
               EXISTS (SELECT FROM workflow.owner o JOIN pg_roles a ON a.oid = o.role WHERE o.id = d.owner) AS known
        FROM workflow.process q LEFT JOIN workflow.definition d ON d.id = q.definition),
    -- who looks for what is wrong takes nothing for granted
    child AS NOT MATERIALIZED (
        SELECT p.id AS parent, p.over, c.key AS invoke,
               CASE WHEN c.value ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN c.value::uuid END AS id
        FROM p CROSS JOIN LATERAL jsonb_each_text(CASE WHEN jsonb_typeof(p.children) = 'object' THEN p.children END) c
        WHERE jsonb_typeof(p.children -> c.key) <> 'object'),
    invoked AS NOT MATERIALIZED (
        SELECT p.id AS process, c.key AS invoke, c.value ->> 'running' AS running,
               CASE WHEN c.value ->> 'run' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN (c.value ->> 'run')::uuid END AS run
        FROM p CROSS JOIN LATERAL jsonb_each(CASE WHEN jsonb_typeof(p.children) = 'object' THEN p.children END) c
        WHERE jsonb_typeof(c.value) = 'object')

    SELECT 'process without definition', p.id, p.definition::text FROM p WHERE p.name IS NULL
    UNION ALL
    SELECT 'definition without owner', NULL, format('%s version %s', d.name, d.version)
    FROM workflow.definition d WHERE NOT EXISTS (SELECT FROM workflow.owner o WHERE o.id = d.owner)
    UNION ALL
    SELECT 'owner without role', NULL, o.name
    FROM workflow.owner o, home WHERE home.here AND NOT EXISTS (SELECT FROM pg_roles a WHERE a.oid = o.role)
        -- one that has handed everything over is removed when its timers have followed
        AND (EXISTS (SELECT FROM workflow.definition d WHERE d.owner = o.id)
             OR EXISTS (SELECT FROM workflow.calendar c WHERE c.owner = o.id))
    UNION ALL
    SELECT 'permission of no role', NULL, format('%s of %s on %s', g.privilege, g.name, g.definition)
    FROM workflow.permission g, home WHERE home.here AND NOT EXISTS (SELECT FROM pg_roles a WHERE a.oid = g.role)

    UNION ALL
    SELECT 'states that do not go together', p.id, p.states::text
    FROM home, p    -- asked in this order: a chart is looked at if it can be
    WHERE CASE WHEN home.here AND p.known AND NOT p.over AND p.step > 0
               THEN NOT workflow.is_configuration(p.definition, p.states) ELSE false END
    UNION ALL
    SELECT 'status does not fit', p.id, format('%s in %s after %s steps', p.status, p.states, p.step)
    FROM p WHERE (p.status = 'initialized') <> (p.step = 0 AND p.status <> 'terminated')
        OR p.status = 'running'
    UNION ALL
    SELECT 'start is lost', p.id, NULL
    FROM p WHERE p.step = 0
        AND NOT EXISTS (SELECT FROM workflow.timer t WHERE t.process = p.id AND t.event = 'workflow.start')
        AND NOT EXISTS (SELECT FROM workflow.failure f WHERE f.process = p.id AND f.event = 'workflow.start')

    UNION ALL
    SELECT 'key of no process', k.process, format('%s of %s', k.key, k.definition)
    FROM workflow.key k WHERE NOT EXISTS (SELECT FROM p WHERE p.id = k.process AND p.key = k.key AND p.name = k.definition
                                               AND COALESCE(p.tenant, '') = k.tenant)
    UNION ALL
    SELECT 'process does not have its key', p.id, p.key
    FROM p WHERE p.key IS NOT NULL AND NOT p.over AND NOT EXISTS (
        SELECT FROM workflow.key k WHERE k.definition = p.name AND k.key = p.key AND k.process = p.id
            AND k.tenant = COALESCE(p.tenant, ''))

    UNION ALL
    SELECT 'tenant is not that of the parent', p.id, p.tenant
    FROM p JOIN workflow.process q ON q.id = p.parent WHERE q.tenant IS DISTINCT FROM p.tenant
    UNION ALL
    SELECT 'tenant of a task is not that of its process', t.process, t.tenant
    FROM workflow.task t JOIN p ON p.id = t.process WHERE t.tenant IS DISTINCT FROM p.tenant
        OR EXISTS (SELECT FROM workflow.task_seat s WHERE s.task = t.id AND s.tenant IS DISTINCT FROM t.tenant)
    UNION ALL
    SELECT 'tenant of a run is not that of its process', r.process, r.tenant
    FROM workflow.run r JOIN p ON p.id = r.process WHERE r.tenant IS DISTINCT FROM p.tenant

    UNION ALL
    SELECT 'timer of no process', t.process, format('%s %s', t.seq, t.event)
    FROM workflow.timer t WHERE NOT EXISTS (SELECT FROM workflow.process q WHERE q.id = t.process)
        -- posted by somebody who saw a process that was erased meanwhile: the runtime deletes it
        AND NOT EXISTS (SELECT FROM workflow.erasure e WHERE e.process = t.process AND e.pending)
    UNION ALL
    SELECT 'timer of another owner', t.process, format('%s %s', t.seq, t.event)
    FROM workflow.timer t JOIN p ON p.id = t.process WHERE t.owner <> p.owner
        -- those that are parked follow when they are unparked, others soon
        AND NOT t.parked AND NOT EXISTS (SELECT FROM workflow.owner o WHERE o.id = t.owner AND o.handed IS NOT NULL)
    UNION ALL
    SELECT 'timer of a state that is not active', t.process, format('%s %s', t.seq, t.event)
    FROM workflow.timer t JOIN p ON p.id = t.process
    WHERE t.state IS NOT NULL
        AND (p.over OR (t.state <> p.name AND NOT EXISTS (
            SELECT FROM unnest(p.states) s(leaf) WHERE s.leaf = t.state OR starts_with(s.leaf, t.state || '.'))))
    UNION ALL
    SELECT 'timer runs twice', t.process, format('%s of %s', t.name, t.state)
    FROM workflow.timer t WHERE t.state IS NOT NULL GROUP BY t.process, t.state, t.name HAVING count(*) > 1
    UNION ALL
    SELECT 'timer is parked for no reason', t.process, format('%s %s', t.seq, t.event)
    FROM workflow.timer t JOIN p ON p.id = t.process
    WHERE t.parked AND NOT p.suspended AND p.status NOT IN ('terminated', 'initialized')
        AND NOT EXISTS (SELECT FROM workflow.resting r WHERE r.process = p.id)

    UNION ALL
    SELECT 'history has gaps', p.id, format('%s rows for %s steps', count(h.step), p.step)
    FROM p LEFT JOIN workflow.history h ON h.process = p.id
    GROUP BY p.id, p.step
    HAVING count(h.step) <> p.step OR count(DISTINCT h.step) <> p.step OR COALESCE(max(h.step), 0) <> p.step
    UNION ALL
    SELECT 'history ends elsewhere', p.id, format('%s, not %s', h.to_states, p.states)
    FROM p JOIN workflow.history h ON h.process = p.id AND h.step = p.step WHERE h.to_states <> p.states
    UNION ALL
    SELECT 'history of no process', h.process, format('step %s', h.step)
    FROM workflow.history h, emptied e
    WHERE h.slot <> e.slot AND NOT EXISTS (SELECT FROM workflow.process q WHERE q.id = h.process)
    UNION ALL
    SELECT 'receipt of no process', r.process, r.id
    FROM workflow.receipt r WHERE NOT EXISTS (SELECT FROM workflow.process q WHERE q.id = r.process)

    UNION ALL
    SELECT 'failure of no process', f.process, f.event
    FROM workflow.failure f WHERE NOT EXISTS (SELECT FROM workflow.process q WHERE q.id = f.process)
    UNION ALL
    SELECT 'failure of what is over', f.process, f.event
    FROM workflow.failure f JOIN p ON p.id = f.process WHERE p.over
    UNION ALL
    SELECT 'early event of no definition', NULL, format('%s of %s', e.event, e.definition)
    FROM workflow.early e WHERE NOT EXISTS (SELECT FROM workflow.definition d WHERE d.name = e.definition)
    UNION ALL
    SELECT 'early event is lost', k.process, e.event
    FROM workflow.early e JOIN workflow.key k ON k.definition = e.definition AND k.key = e.key AND k.tenant = e.tenant
        JOIN p ON p.id = k.process WHERE NOT p.over
    UNION ALL
    SELECT 'failed event is lost', f.process, f.event
    FROM workflow.failure f WHERE NOT f.given_up AND NOT f.handled
        AND NOT EXISTS (SELECT FROM workflow.timer t WHERE t.process = f.process AND t.seq = f.seq)
        AND EXISTS (SELECT FROM p WHERE p.id = f.process AND NOT p.over)
    UNION ALL
    SELECT 'event was given up and is still to come', f.process, f.event
    FROM workflow.failure f JOIN workflow.timer t ON t.process = f.process AND t.seq = f.seq WHERE f.given_up OR f.handled

    UNION ALL
    SELECT 'child is lost', c.parent, c.invoke
    FROM child c
    WHERE NOT EXISTS (SELECT FROM workflow.process q WHERE q.id = c.id AND q.parent = c.parent AND q.invoke = c.invoke)
        AND NOT EXISTS (SELECT FROM workflow.erasure e WHERE e.process = c.id)
        -- expired, and its parent has still to hear of its end
        AND NOT EXISTS (SELECT FROM workflow.timer t WHERE t.process = c.parent AND t.child = c.id)
        AND NOT EXISTS (SELECT FROM workflow.failure f WHERE f.process = c.parent AND f.child = c.id)
    UNION ALL
    SELECT 'child is lost', p.id, p.children::text FROM p WHERE jsonb_typeof(p.children) <> 'object'
    UNION ALL
    SELECT 'child is lost', i.process, i.invoke
    FROM invoked i
    WHERE i.running IS NULL AND NOT EXISTS (SELECT FROM workflow.run r WHERE r.id = i.run AND r.process = i.process)
        -- one that has failed may be done once more
        AND NOT EXISTS (SELECT FROM workflow.run_history h WHERE h.run = i.run AND h.process = i.process AND h.state > 3)
        AND NOT EXISTS (SELECT FROM workflow.timer t WHERE t.process = i.process AND t.child = i.run)
        AND NOT EXISTS (SELECT FROM workflow.failure f WHERE f.process = i.process AND f.child = i.run)
    UNION ALL
    SELECT 'elements do not add up', i.process, i.invoke
    FROM invoked i
    WHERE i.running <> (SELECT count(*)::text FROM workflow.element e WHERE e.process = i.process AND e.invoke = i.invoke AND e.state = 1)
    UNION ALL
    SELECT 'element of nobody', e.process, format('%s of %s', e.number, e.invoke)
    FROM workflow.element e
    WHERE NOT EXISTS (SELECT FROM invoked i WHERE i.process = e.process AND i.invoke = e.invoke AND i.running IS NOT NULL)
    UNION ALL
    SELECT 'awaited by nobody', a.process, format('%s in %s', a.event, a.state)
    FROM workflow.awaited a
    WHERE NOT EXISTS (SELECT FROM p WHERE p.id = a.process AND NOT p.over)
    UNION ALL
    SELECT 'task of nobody', t.process, t.state
    FROM workflow.task t
    WHERE NOT EXISTS (SELECT FROM p WHERE p.id = t.process AND (t.closed_at IS NOT NULL OR NOT p.over AND EXISTS
        (SELECT FROM unnest(p.states) s WHERE s = t.state OR starts_with(s, t.state || '.'))))
    UNION ALL
    SELECT 'task in a wrong inbox', e.process, format('%s, %s', e.task, e.name)
    FROM workflow.task_seat e
    WHERE NOT EXISTS (SELECT FROM workflow.task t, unnest(CASE WHEN t.claimed_by IS NULL THEN t.names ELSE ARRAY[t.claimed_by::text] END) n(name)
        WHERE t.id = e.task AND t.process = e.process AND t.definition = e.definition AND t.closed_at IS NULL
        AND n.name = e.name AND e.rank = - t.priority AND e.due = COALESCE(t.due, 'infinity'))
    UNION ALL
    SELECT 'task in no inbox', t.process, t.state
    FROM workflow.task t
    WHERE t.closed_at IS NULL AND NOT EXISTS (SELECT FROM workflow.task_seat e WHERE e.task = t.id)
    UNION ALL
    SELECT 'act on no task', a.process, a.task::text
    FROM workflow.task_act a
    WHERE NOT EXISTS (SELECT FROM workflow.task t WHERE t.id = a.task AND t.process = a.process)
    UNION ALL
    SELECT 'end of a child is lost', c.parent, c.invoke
    FROM child c JOIN workflow.process q ON q.id = c.id
    WHERE q.status = 'finalized' AND NOT c.over
        AND NOT EXISTS (SELECT FROM workflow.timer t WHERE t.process = c.parent AND t.child = q.id
                        AND t.event IN ('done.invoke.' || c.invoke, 'error.invoke.' || c.invoke))
        AND NOT EXISTS (SELECT FROM workflow.failure f WHERE f.process = c.parent AND f.child = q.id
                        AND f.event IN ('done.invoke.' || c.invoke, 'error.invoke.' || c.invoke))
    UNION ALL
    SELECT 'children of what is over', p.id, p.children::text FROM p WHERE p.over AND p.children IS NOT NULL

    UNION ALL
    SELECT 'run of no job', r.process, r.id::text
    FROM workflow.run r WHERE NOT EXISTS (SELECT FROM workflow.job j WHERE j.id = r.job AND j.root = r.root)
    UNION ALL
    SELECT 'run in no queue', r.process, r.id::text
    FROM workflow.run r WHERE r.queue > 0 AND NOT EXISTS (SELECT FROM workflow.queue q WHERE q.id = r.queue)
    UNION ALL
    SELECT 'run has ended and has not', r.process, r.id::text
    FROM workflow.run r WHERE EXISTS (SELECT FROM workflow.run_history h WHERE h.run = r.id)
    UNION ALL
    SELECT 'state of a run does not fit', r.process, format('%s, state %s', r.id, r.state)
    FROM workflow.run r WHERE r.state > 0 AND r.ready OR r.state = 0 AND r.fence IS NOT NULL
    UNION ALL
    SELECT 'run waits for no other', r.process, r.id::text
    FROM workflow.run r WHERE r.state = 0 AND NOT r.ready AND r.awaits IS NOT NULL AND r.parked IS NULL
        AND NOT EXISTS (SELECT FROM workflow.run_wait w WHERE w.run = r.id)
    UNION ALL
    SELECT 'cached result of no job', c.process, c.job::text
    FROM workflow.job_cache c WHERE NOT EXISTS (SELECT FROM workflow.job j WHERE j.id = c.job AND j.cache IS NOT NULL)
    UNION ALL
    SELECT 'key of no job', NULL, format('%s, %s', k.key, k.run)
    FROM workflow.run_key k WHERE NOT EXISTS (SELECT FROM workflow.job j WHERE j.root = k.root)

    UNION ALL
    SELECT 'table trigger without trigger', NULL, t.name
    FROM home, workflow.table_trigger t
    WHERE home.here AND cardinality(t.events) > (
        SELECT count(*) FROM pg_trigger g
        WHERE g.tgrelid = t.relation AND g.tgfoid = 'workflow.table_trigger()'::regprocedure
          AND g.tgargs = convert_to(t.name, getdatabaseencoding()) || '\x00'::bytea)
    UNION ALL
    SELECT 'binding without trigger', NULL, b.definition
    FROM home, workflow.binding b
    WHERE home.here AND NOT EXISTS (
        SELECT FROM pg_trigger g
        WHERE g.tgrelid = b.relation AND g.tgfoid = 'workflow.bound_row()'::regprocedure
          AND g.tgargs = convert_to(b.definition, getdatabaseencoding()) || '\x00'::bytea)

    UNION ALL
    SELECT 'deferred event of no process', e.process, e.event
    FROM workflow.deferred e WHERE NOT EXISTS (SELECT FROM p WHERE p.id = e.process AND NOT p.over)
    UNION ALL
    SELECT 'attribute of no process', a.process, a.name
    FROM workflow.attribute a WHERE NOT EXISTS (SELECT FROM workflow.process q WHERE q.id = a.process)
    UNION ALL
    SELECT 'rest of no process', r.process, r.definition
    FROM workflow.resting r WHERE NOT EXISTS (SELECT FROM workflow.process q WHERE q.id = r.process)
    UNION ALL
    SELECT 'pause of no definition', NULL, u.definition
    FROM workflow.pause u WHERE NOT EXISTS (SELECT FROM workflow.definition d WHERE d.name = u.definition)
    UNION ALL
    SELECT 'schedule of no owner', NULL, s.name
    FROM workflow.schedule s WHERE NOT EXISTS (SELECT FROM workflow.owner o WHERE o.id = s.owner)
    UNION ALL
    SELECT 'alert of no owner', NULL, a.name
    FROM workflow.alert a WHERE NOT EXISTS (SELECT FROM workflow.owner o WHERE o.id = a.owner)
    UNION ALL
    SELECT 'file trigger of no owner', NULL, f.name
    FROM workflow.file_trigger f WHERE NOT EXISTS (SELECT FROM workflow.owner o WHERE o.id = f.owner)
    UNION ALL
    SELECT 'file of no file trigger', NULL, s.name
    FROM workflow.file_seen s WHERE NOT EXISTS (SELECT FROM workflow.file_trigger f WHERE f.id = s.trigger)
    UNION ALL
    SELECT 'retention of nothing', NULL, k.kind || ' ' || k.name
    FROM workflow.keep k WHERE NOT CASE k.kind
        WHEN 'definition' THEN EXISTS (SELECT FROM workflow.definition d WHERE d.name = k.name AND d.owner = k.owner)
        WHEN 'job' THEN EXISTS (SELECT FROM workflow.job j WHERE j.name = k.name AND j.owner = k.owner AND j.dropped_at IS NULL)
        ELSE EXISTS (SELECT FROM workflow.queue q WHERE q.name = k.name AND q.owner = k.owner) END
    UNION ALL
    SELECT 'schedule that nobody fires', NULL, s.name
    FROM workflow.schedule s
    WHERE (s.due IS NULL) IS DISTINCT FROM (s.next IS NULL OR s.paused OR s.suspended_at IS NOT NULL)
    UNION ALL
    SELECT 'runtime that nobody recovers', NULL, r.id
    FROM workflow.runtime r WHERE (r.state = 'restore') <> (r.restorer IS NOT NULL)
    UNION ALL
    SELECT 'bulk operation of no owner', NULL, b.id::text
    FROM workflow.bulk b WHERE b.ended_at IS NULL AND NOT EXISTS (SELECT FROM workflow.owner o WHERE o.id = b.owner)
    UNION ALL
    SELECT 'bulk operation that nobody does', NULL, b.id::text
    FROM workflow.bulk b
    WHERE (b.due IS NOT NULL) IS DISTINCT FROM (b.state IN ('waiting', 'running'))
       OR (b.ended_at IS NOT NULL) IS DISTINCT FROM (b.state IN ('cancelled', 'finished'))
    UNION ALL
    SELECT 'item of no bulk operation', NULL, i.item::text
    FROM workflow.bulk_item i WHERE NOT EXISTS (SELECT FROM workflow.bulk b WHERE b.id = i.bulk)
    UNION ALL
    SELECT 'file of no owner', NULL, f.path
    FROM workflow.file f WHERE NOT EXISTS (SELECT FROM workflow.owner o WHERE o.id = f.owner)
    UNION ALL
    SELECT 'file whose newest version is not', NULL, f.path
    FROM workflow.file f
    WHERE f.newest <> NOT EXISTS (SELECT FROM workflow.file g WHERE g.path = f.path AND g.version > f.version)
    UNION ALL
    SELECT 'content of a file is lost', NULL, format('%s version %s', f.path, f.version)
    FROM workflow.file f
    WHERE f.size <> (SELECT COALESCE(sum(octet_length(c.bytes)), 0) FROM workflow.file_chunk c WHERE c.path = f.path AND c.version = f.version)
    UNION ALL
    SELECT 'content of no file', NULL, format('%s version %s', c.path, c.version)
    FROM workflow.file_chunk c
    WHERE CASE WHEN c.version < 0 THEN NOT EXISTS (SELECT FROM workflow.file_upload u WHERE u.id = - c.version AND u.path = c.path)
               ELSE NOT EXISTS (SELECT FROM workflow.file f WHERE f.path = c.path AND f.version = c.version AND f.size IS NOT NULL) END;

-- check(): does everything fit together? One row for each thing that does not;
-- none is what it should be, at any time and whatever has happened. Reads all
-- tables, in one snapshot, and locks nothing. For workflow_monitor,
-- workflow_admin and superusers.
--   problem   what is wrong, in fixed words
--   process   the process concerned, if it is one
--   detail    names and numbers
CREATE FUNCTION workflow.check(OUT problem text, OUT process uuid, OUT detail text)
    RETURNS SETOF record LANGUAGE sql STABLE
    -- tables that were empty when they were last analyzed look as if a nested loop
    -- over them cost nothing; what has no other way is not worth compiling
    SET enable_nestloop TO off
    SET jit TO off
BEGIN ATOMIC
    SELECT i.problem, i.process, i.detail FROM workflow.inconsistencies i;
END;

GRANT EXECUTE ON FUNCTION workflow.is_configuration, workflow.check TO workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.inconsistencies TO workflow_monitor, workflow_admin;

