-- What operators have done: who, as which login, and why.

-- Something that an operator has done: written in the same transaction. What is done
-- with a definition is in definition_change. Partitions form a ring with those of history.
CREATE TABLE workflow.act (
    id     uuid NOT NULL,
    at     timestamptz NOT NULL,
    act    text COLLATE "C" NOT NULL,   -- the function that was called
    kind   text COLLATE "C" NOT NULL,   -- of what: process, job, run, queue, limit, schedule, table_trigger, file_trigger,
                                        -- alert, calendar, bulk, owner, role, runtime, setting, database
    object text COLLATE "C",            -- its name or id; null: many
    owner  int NOT NULL,                -- whose it is; 0: administrators'
    role   text COLLATE "C" NOT NULL,   -- current_user
    login  text COLLATE "C" NOT NULL,   -- session_user
    actor  text COLLATE "C",            -- on whose behalf
    detail jsonb,
    note   text COLLATE "C",
    slot   smallint NOT NULL,
    PRIMARY KEY (id, slot)
) PARTITION BY LIST (slot);
CREATE TABLE workflow.act_0 PARTITION OF workflow.act FOR VALUES IN (0);
CREATE TABLE workflow.act_1 PARTITION OF workflow.act FOR VALUES IN (1);
CREATE TABLE workflow.act_2 PARTITION OF workflow.act FOR VALUES IN (2);
CREATE TABLE workflow.act_3 PARTITION OF workflow.act FOR VALUES IN (3);
CREATE TABLE workflow.act_4 PARTITION OF workflow.act FOR VALUES IN (4);
CREATE TABLE workflow.act_5 PARTITION OF workflow.act FOR VALUES IN (5);
CREATE TABLE workflow.act_6 PARTITION OF workflow.act FOR VALUES IN (6);
CREATE TABLE workflow.act_7 PARTITION OF workflow.act FOR VALUES IN (7);
CREATE INDEX act_at ON workflow.act (at);
CREATE INDEX act_object ON workflow.act (object, kind);

-- Who has done what, and when. Administrators and monitors see all, others what was done
-- with what is theirs; who works for one tenant, nothing. Rows are kept as history is; those
-- of a definition for as long as it is there.
CREATE VIEW workflow.audit WITH (security_barrier) AS
    SELECT a.at, a.act, a.kind, a.object, a.role, a.login, a.actor, a.detail, a.note
    FROM (
        SELECT t.at, t.act, t.kind, t.object, t.role, t.login, t.actor, t.detail, t.note, t.owner
        FROM workflow.act t
        UNION ALL
        SELECT c.at, substr(c.event, 10), k.kind, k.object, c.actor, c.login, NULL,
               CASE WHEN c.version IS NULL THEN c.data ELSE COALESCE(c.data, '{}') || jsonb_build_object('version', c.version) END,
               c.note,
               CASE WHEN c.gone IS NOT NULL THEN 0
                    WHEN k.kind = 'job' THEN (SELECT j.owner FROM workflow.job j WHERE j.name = k.object ORDER BY j.version DESC LIMIT 1)
                    WHEN k.kind = 'queue' THEN (SELECT q.owner FROM workflow.queue q WHERE q.name = k.object)
                    WHEN k.kind = 'limit' THEN (SELECT l.owner FROM workflow.rate_limit l WHERE l.name = k.object)
                    WHEN k.kind = 'schedule' THEN (SELECT s.owner FROM workflow.schedule s WHERE s.name = k.object)
                    WHEN k.kind = 'file' THEN (SELECT f.owner FROM workflow.file f WHERE f.path = k.object AND f.newest)
                    WHEN k.kind = 'directory' THEN NULL
                    ELSE (SELECT d.owner FROM workflow.definition d WHERE d.name = k.object ORDER BY d.version DESC LIMIT 1) END
        FROM workflow.definition_change c
        CROSS JOIN LATERAL (
            -- names of definitions have none of these prefixes
            SELECT COALESCE(substring(c.definition FROM '^(job|queue|limit|schedule|file|directory):'), 'definition'),
                   regexp_replace(c.definition, '^(job|queue|limit|schedule|file|directory):', '')) k(kind, object)) a
    WHERE (pg_has_role('workflow_admin', 'USAGE') OR pg_has_role('workflow_monitor', 'USAGE')
           OR EXISTS (SELECT FROM workflow.owner o WHERE o.id = a.owner AND o.role <> 0 AND pg_has_role(o.role, 'USAGE')))
      AND workflow.sees_tenant(NULL);

GRANT SELECT ON workflow.audit TO workflow_user, workflow_monitor, workflow_admin;
