-- Finding processes by what they are about.

-- What definitions declare to be searchable, of each process. Equal values are
-- found by their hash: a value may be longer than an index entry.
CREATE TABLE workflow.attribute (
    process    uuid NOT NULL,
    definition text COLLATE "C" NOT NULL,
    name       text COLLATE "C" NOT NULL,
    value      jsonb NOT NULL
);
-- It has no key: a list may hold a value twice. Without a replica identity nobody
-- could delete from it while a publication has it (FOR ALL TABLES, say).
ALTER TABLE workflow.attribute REPLICA IDENTITY FULL;
CREATE INDEX attribute_process ON workflow.attribute (process, name);
CREATE INDEX attribute_value ON workflow.attribute
    (definition, name, (pg_catalog.jsonb_hash_extended(value, 0)), process);

-- search(...): processes of a definition by where they are and what they are
-- about, those that are over included.
--   tags        each of them is on an active state
--   attributes  {"name": value, ...}: of what the definition declares under
--               `search`; a list: all of its elements; {"any": [value, ...]}:
--               one of them; {">=": value, "<": value}: a range, with one or two
--               of > >= < <=, among values of the same JSON type
--   states      in one of them, or inside of it
--   status      one of them
--   "limit"     at most so many, up to 10000
--   after       only processes behind this one: the last of the page before
--   order_by    an attribute, "started_at" or "updated_at", and "desc" for the
--               other way round; those of equal values by id, those without
--               value last. Default: by id, which is the order of starts
--   after_value of that attribute, at `after`: what it was on that page. Default:
--               what it is now
-- Rows as in workflow.processes; who may not read the definition finds what
-- they started. Errors: WF006; 22004 for null as a value; 22023 for a tag, attribute or state that no
-- version of the definition has.
CREATE FUNCTION workflow.search(
    definition text, tags text[] DEFAULT NULL, attributes jsonb DEFAULT NULL, states text[] DEFAULT NULL,
    status workflow.status[] DEFAULT NULL, "limit" int DEFAULT 100, after uuid DEFAULT NULL,
    order_by text DEFAULT NULL, after_value jsonb DEFAULT NULL)
    RETURNS SETOF workflow.processes LANGUAGE c STABLE ROWS 20 AS 'MODULE_PATHNAME', 'workflow_search';

GRANT EXECUTE ON FUNCTION workflow.search TO workflow_user, workflow_monitor, workflow_admin;

