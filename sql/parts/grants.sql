-- PUBLIC gets nothing; base tables have no grants at all.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA workflow FROM PUBLIC;
REVOKE ALL ON ALL PROCEDURES IN SCHEMA workflow FROM PUBLIC;
REVOKE ALL ON TYPE workflow.status, workflow.verdict, workflow.migration FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA workflow FROM PUBLIC;

GRANT USAGE ON SCHEMA workflow TO workflow_user, workflow_monitor, workflow_admin;
GRANT USAGE ON TYPE workflow.status, workflow.verdict, workflow.migration TO workflow_user, workflow_monitor, workflow_admin;

GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA workflow TO workflow_user, workflow_admin;
GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA workflow TO workflow_user, workflow_admin;
GRANT EXECUTE ON FUNCTION
    workflow.may(int, text), workflow.get(uuid), workflow.find(text, text), workflow.runtime_activity(), workflow.library_version(),
    workflow.diagram(text, int, text), workflow.diagram(uuid, text),
    workflow.lint(text, int), workflow.export(text, int), workflow.function_state(text, oid),
    workflow.search(text, text[], jsonb, text[], workflow.status[], int, uuid)
    TO workflow_monitor;

-- For those who see everything.
REVOKE EXECUTE ON FUNCTION workflow.check(), workflow.is_configuration(int, text[]) FROM workflow_user;
GRANT EXECUTE ON FUNCTION workflow.check(), workflow.is_configuration(int, text[]) TO workflow_monitor;
GRANT SELECT ON workflow.inconsistencies TO workflow_monitor, workflow_admin;

GRANT SELECT ON
    workflow.definitions, workflow.processes, workflow.timers, workflow.process_history,
    workflow.deferred_events, workflow.errors, workflow.drift, workflow.pauses, workflow.erasures,
    workflow.calendars, workflow.activity
    TO workflow_user, workflow_monitor, workflow_admin;

