-- Last: when this transaction commits, the launcher looks at this database.
CREATE FUNCTION workflow.wake() RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_wake';
REVOKE ALL ON FUNCTION workflow.wake() FROM PUBLIC;
SELECT workflow.wake();
