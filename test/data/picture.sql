-- All that somebody can know of the workflows of a database, without what is
-- drawn by lot: ids of processes, numbers of timers; and without the rows that what
-- operators do leaves since 0.3.0. One line a thing.
SET timezone TO 'UTC';
WITH RECURSIVE named AS (
    SELECT p.id, d.name || ' ' || coalesce(p.key, '') AS name FROM workflow.process p JOIN workflow.definition d ON d.id = p.definition
    WHERE p.parent IS NULL
    UNION ALL
    SELECT p.id, n.name || ' > ' || p.invoke FROM workflow.process p JOIN named n ON n.id = p.parent),
act AS (SELECT process, step FROM workflow.history WHERE event IN ('workflow.suspend', 'workflow.resume', 'workflow.set_timer', 'workflow.reset_timer'))
SELECT line FROM (
    SELECT concat_ws(' | ', 'process', n.name, d.version, p.status, p.suspended, p.states, p.context,
                     p.step - (SELECT count(*) FROM act a WHERE a.process = p.id), p.started_at, p.updated_at,
                     p.started_by, p.history, p.output, p.invoke) AS line
    FROM named n JOIN workflow.process p USING (id) JOIN workflow.definition d ON d.id = p.definition
    UNION ALL
    SELECT concat_ws(' | ', 'history', n.name, to_char(h.step - (SELECT count(*) FROM act a WHERE a.process = h.process AND a.step < h.step), '000'), h.event, h.at, h.due, h.taken, h.from_states, h.to_states, h.actor, h.data)
    FROM named n JOIN workflow.history h ON h.process = n.id
    WHERE NOT EXISTS (SELECT FROM act a WHERE (a.process, a.step) = (h.process, h.step))
    UNION ALL
    SELECT concat_ws(' | ', 'timer', n.name, t.event, t.name, t.state, t.due, t.parked, t.attempts, t.actor, t.data)
    FROM named n JOIN workflow.timer t ON t.process = n.id
    UNION ALL
    SELECT concat_ws(' | ', 'deferred', n.name, d.event, d.state, d.data) FROM named n JOIN workflow.deferred d ON d.process = n.id
    UNION ALL
    SELECT concat_ws(' | ', 'receipt', n.name, r.id, r.taken, r.status, r.states, nullif(r.context, 'null')) FROM named n JOIN workflow.receipt r ON r.process = n.id
    UNION ALL
    SELECT concat_ws(' | ', 'failure', n.name, f.event, f.attempts, f.given_up, f.message) FROM named n JOIN workflow.failure f ON f.process = n.id
    UNION ALL
    SELECT concat_ws(' | ', 'note', who, what, count(*)) FROM office.note GROUP BY who, what
    UNION ALL
    SELECT concat_ws(' | ', 'attribute', n.name, a.name, a.value) FROM named n JOIN workflow.attribute a ON a.process = n.id
    UNION ALL
    SELECT concat_ws(' | ', 'pause', definition) FROM workflow.pause
    UNION ALL
    SELECT concat_ws(' | ', 'calendar', name, calendar) FROM workflow.calendar
    UNION ALL
    SELECT concat_ws(' | ', 'permission', g.definition, g.name, g.privilege) FROM workflow.permission g) all_of_it
ORDER BY line COLLATE "C";
