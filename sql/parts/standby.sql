-- Readers on standbys that see what was committed on the primary.

-- commit_position(): where the log of the primary is: at or past every commit that was
-- acknowledged before. Called after COMMIT; a standby that has replayed up to there shows
-- what was committed, see wait_for_lsn(). What is returned is on disk: it writes what is
-- not there yet, as a commit does.
-- Errors: 25001 in a transaction that has written something, whose commit is still to
-- come; 25006 on a standby.
CREATE FUNCTION workflow.commit_position() RETURNS pg_lsn
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_commit_position';

-- wait_for_lsn(lsn, timeout, reached): on a standby, wait until what commit_position() has
-- returned on the primary was replayed, or the time is up: then reached is false. On a
-- primary it is true at once, and so it is when the standby becomes one. The session
-- has no snapshot meanwhile, so this cannot be called in a transaction block.
--   timeout     null: for ever
-- Errors: 22004, 25001.
CREATE PROCEDURE workflow.wait_for_lsn(
    lsn pg_lsn, timeout interval DEFAULT '30 seconds', INOUT reached boolean DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME', 'workflow_wait_for_lsn';

GRANT EXECUTE ON FUNCTION workflow.commit_position TO workflow_user, workflow_worker, workflow_runtime, workflow_monitor, workflow_admin;
GRANT EXECUTE ON PROCEDURE workflow.wait_for_lsn TO workflow_user, workflow_worker, workflow_runtime, workflow_monitor, workflow_admin;
