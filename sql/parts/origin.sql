-- Where all of this was written, and of which version it is.

-- The server, the database and the extension (by this table) that all of this
-- was written in, once there is something. A dump carries it along: restored, in
-- whatever place, it does not fit, and nothing runs until workflow.adopt().
CREATE TABLE workflow.stamp (
    one               boolean PRIMARY KEY DEFAULT true CHECK (one),
    system_identifier bigint NOT NULL,
    database          oid NOT NULL,
    relation          oid NOT NULL,
    at                timestamptz NOT NULL
);

-- adopt(): let the workflows of a database that was restored from a dump,
-- copied or upgraded go on here; owners are found anew by their names.
-- Returns the number of owners; a WARNING for each whose role does not exist.
-- For superusers and workflow_admin. Error WF002.
CREATE FUNCTION workflow.adopt() RETURNS bigint
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_adopt';

-- library_version(): of the library that this session has loaded, like '0.3.0'.
-- That of the SQL is pg_extension.extversion; the library may be the newer one,
-- until ALTER EXTENSION workflow UPDATE.
CREATE FUNCTION workflow.library_version() RETURNS text
    LANGUAGE c STRICT STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'workflow_library_version';

GRANT EXECUTE ON FUNCTION workflow.adopt TO workflow_user, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.library_version TO workflow_user, workflow_worker, workflow_monitor, workflow_admin;

