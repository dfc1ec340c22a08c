-- Processes that go on with another version.

-- migration: what migrate() answers.
--   states          where the process is in the new version; null: it stays
--                   where it was, problems say why
--   timers_kept     events of its timers which go on, by their new names
--   timers_armed    of those that the new version has more
--   timers_dropped  of those that it does not have, by their old names
--   problems        [{"problem", "name", "message"}], or null
CREATE TYPE workflow.migration AS (
    process uuid, from_version int, to_version int, states text[],
    timers_kept text[], timers_armed text[], timers_dropped text[], problems jsonb);

-- migrate(...): a running process goes on with another version of its
-- definition, where it is. No action runs.
--   process     its id
--   version     default: the newest
--   mapping     {"old.state": "new.state" or ["new.one", ...]}; others go by
--               equal names
--   dry_run     tell what would be; locks and writes nothing
--   actor       on whose behalf; default: current_user
--   patch       of the context, before that, as in set_context()
--   note        why; for the history
-- Timers of states that persist keep their due times. A process of that
-- version already is left alone. For the definition's owner and
-- workflow_admin. Errors: WF001, WF002, WF004, WF006; 22023 for a state that
-- has no place in the new version (dry_run: a row that says so), and for a
-- mapping that fits neither version; those of expressions that delay new
-- timers. Locks the process row.
CREATE FUNCTION workflow.migrate(
    process uuid, version int DEFAULT NULL, mapping jsonb DEFAULT NULL,
    dry_run boolean DEFAULT false, actor text DEFAULT NULL, patch jsonb DEFAULT NULL, note text DEFAULT NULL)
    RETURNS workflow.migration LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_migrate';

-- migrate_many(...): migrate() for all processes of a definition that are not
-- over and not of that version already.
--   from_versions  only of these
--   states         only where one of these, or one inside of it, is active
--   context        only those whose context contains this
--   limit          so many at most
-- One row for each; those that cannot go, or that another session is at, stay
-- as they are, and their row has problems. Locks the process rows, in the
-- order of their ids, as many as there are.
CREATE FUNCTION workflow.migrate_many(
    definition text, version int DEFAULT NULL, mapping jsonb DEFAULT NULL,
    from_versions int[] DEFAULT NULL, states text[] DEFAULT NULL, context jsonb DEFAULT NULL,
    dry_run boolean DEFAULT false, "limit" int DEFAULT NULL, actor text DEFAULT NULL,
    patch jsonb DEFAULT NULL, note text DEFAULT NULL)
    RETURNS SETOF workflow.migration LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_migrate_many';

REVOKE ALL ON TYPE workflow.migration FROM PUBLIC;
GRANT USAGE ON TYPE workflow.migration TO workflow_user, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.migrate, workflow.migrate_many TO workflow_user, workflow_admin;

