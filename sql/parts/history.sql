-- What has happened, for as long as it is kept.

-- Which partition of history and receipt is written to, and since when. No row:
-- the first one. They form a ring; the oldest is emptied before it is next.
CREATE TABLE workflow.ring (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    slot  smallint NOT NULL,
    since timestamptz NOT NULL,
    walk      uuid,                     -- a walk over the processes is under way, and here;
    walk_to   timestamptz,              -- it removes what ended before this
    walked_to timestamptz               -- of the last walk that came to its end
);

-- One row an event that reached a process.
CREATE TABLE workflow.history (
    process     uuid NOT NULL,
    at          timestamptz NOT NULL,
    due         timestamptz,            -- null: a command, or a start at once
    step        int NOT NULL,
    taken       boolean NOT NULL,       -- false: no active state handled it
    reason      text COLLATE "C",       -- why not: refused, deferred, unknown; null: ignored
    event       text COLLATE "C" NOT NULL,
    from_states text[] COLLATE "C" NOT NULL,
    to_states   text[] COLLATE "C" NOT NULL,
    actor       text COLLATE "C",
    data        jsonb,                  -- of what operators do (workflow.suspend, ...) with their note
    slot        smallint NOT NULL,
    traceparent text COLLATE "C",       -- the trace context in which it came, see spans(),
    began       timestamptz,            -- when its step began,
    xid         xid8,                   -- and the transaction; null without traceparent
    PRIMARY KEY (process, step, slot)
) PARTITION BY LIST (slot);
CREATE TABLE workflow.history_0 PARTITION OF workflow.history FOR VALUES IN (0);
CREATE TABLE workflow.history_1 PARTITION OF workflow.history FOR VALUES IN (1);
CREATE TABLE workflow.history_2 PARTITION OF workflow.history FOR VALUES IN (2);
CREATE TABLE workflow.history_3 PARTITION OF workflow.history FOR VALUES IN (3);
CREATE TABLE workflow.history_4 PARTITION OF workflow.history FOR VALUES IN (4);
CREATE TABLE workflow.history_5 PARTITION OF workflow.history FOR VALUES IN (5);
CREATE TABLE workflow.history_6 PARTITION OF workflow.history FOR VALUES IN (6);
CREATE TABLE workflow.history_7 PARTITION OF workflow.history FOR VALUES IN (7);
CREATE INDEX history_xid ON workflow.history (xid) WHERE xid IS NOT NULL;

-- The verdict of a command that came with an id, for its repetition.
CREATE TABLE workflow.receipt (
    process uuid NOT NULL,
    id      text COLLATE "C" NOT NULL,
    at      timestamptz NOT NULL,
    taken   boolean NOT NULL,
    deferred boolean NOT NULL,
    status  workflow.status NOT NULL,
    states  text[] COLLATE "C" NOT NULL,
    context jsonb NOT NULL,             -- 'null': a repetition is told the present one
    slot    smallint NOT NULL,
    PRIMARY KEY (process, id, slot)
) PARTITION BY LIST (slot);
CREATE TABLE workflow.receipt_0 PARTITION OF workflow.receipt FOR VALUES IN (0);
CREATE TABLE workflow.receipt_1 PARTITION OF workflow.receipt FOR VALUES IN (1);
CREATE TABLE workflow.receipt_2 PARTITION OF workflow.receipt FOR VALUES IN (2);
CREATE TABLE workflow.receipt_3 PARTITION OF workflow.receipt FOR VALUES IN (3);
CREATE TABLE workflow.receipt_4 PARTITION OF workflow.receipt FOR VALUES IN (4);
CREATE TABLE workflow.receipt_5 PARTITION OF workflow.receipt FOR VALUES IN (5);
CREATE TABLE workflow.receipt_6 PARTITION OF workflow.receipt FOR VALUES IN (6);
CREATE TABLE workflow.receipt_7 PARTITION OF workflow.receipt FOR VALUES IN (7);

-- expire(retention): the processes that ended longer ago than the retention go,
-- with their history, receipts and keys: one piece of that, at most some thousand
-- processes, in this transaction. The runtime does it by itself, with
-- workflow.retention.
--   retention   default: workflow.retention (0, for ever, if not set)
-- What rules are for (set_retention()) goes by them, or is left to its archive.
-- Returns how many processes expired, how many rows of others were carried
-- forward, whether the ring of partitions moved on, which it does once in a
-- seventh of the retention if no other session reads or writes what is to be
-- emptied, and whether it is done; if not, call it again, in another
-- transaction. Waits for nobody, and leaves what others have locked to a later
-- call. For superusers and workflow_admin. Errors 22023, WF002.
CREATE FUNCTION workflow.expire(
    retention interval DEFAULT NULL, OUT expired bigint, OUT carried bigint, OUT moved boolean, OUT done boolean)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_expire';

-- expire_all(retention): expire() until it is done, with a COMMIT after each
-- piece. Cannot be called in a transaction block: 25001.
CREATE PROCEDURE workflow.expire_all(retention interval DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME', 'workflow_expire_all';

CREATE VIEW workflow.process_history WITH (security_barrier) AS
    SELECT h.process, d.name AS definition, p.key, h.step, h.at, h.event, h.taken, h.from_states, h.to_states,
           h.due, h.actor,
           workflow.masked(d.owner, d.sensitive, CASE WHEN n.note IS NULL THEN h.data ELSE NULLIF(h.data - 'note', '{}') END,
                           p.context, h.data -> 'patch') AS data,
           h.reason, workflow.masked_text(d.owner, d.sensitive, n.note, p.context, h.data -> 'patch') AS note,
           p.tenant
    FROM workflow.history h
    JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) h.process
    JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    CROSS JOIN LATERAL (SELECT CASE WHEN starts_with(h.event, 'workflow.') AND jsonb_typeof(h.data) = 'object' THEN h.data ->> 'note' END) n(note)
    WHERE workflow.sees(d.id, p.starter) AND workflow.sees_tenant(p.tenant);

GRANT EXECUTE ON FUNCTION workflow.expire TO workflow_user, workflow_admin;
GRANT EXECUTE ON PROCEDURE workflow.expire_all TO workflow_user, workflow_admin;
GRANT SELECT ON workflow.process_history TO workflow_user, workflow_monitor, workflow_admin;

