-- What can be read off a definition.

-- lint(...): what is legal in a definition and hardly meant so, in document
-- order. A definition as define() takes it, or one that is stored.
--   path        in the text of the definition
--   rule        warning (what define() warns of), missing_function (of json),
--               unreachable, unreachable_final, no_exit, never_done,
--               never_comes, dead, repeated_guard, no_otherwise, transient,
--               shadowed_timer, endless, deferred_and_handled, sensitive_search
-- Errors: WF007, WF002 as define(); WF006, WF002.
CREATE FUNCTION workflow.lint(definition json, OUT path text, OUT rule text, OUT message text, OUT hint text)
    RETURNS SETOF record LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'workflow_lint';
CREATE FUNCTION workflow.lint(definition text, version int DEFAULT NULL,
    OUT path text, OUT rule text, OUT message text, OUT hint text)
    RETURNS SETOF record LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'workflow_lint_stored';

-- export(...): a definition as the configuration of a machine of XState 5, in
-- the order of its text. What has to be implemented to run it, and what is
-- lost, stands under meta.workflow. Errors: WF006, WF002.
CREATE FUNCTION workflow.export(definition text, version int DEFAULT NULL) RETURNS json
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'workflow_export';

-- diagram(...): a picture of a definition, of a process with its active states
-- marked: text of a stateDiagram-v2 of Mermaid, shortened to what that draws, or
-- ('dot') of Graphviz.
--   version     default: the newest
-- For a process, who started it but may not read its definition sees states
-- and events only. Errors: WF001, WF002, WF006; 22023 for another format.
CREATE FUNCTION workflow.diagram(definition text, version int DEFAULT NULL, format text DEFAULT 'mermaid')
    RETURNS text LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'workflow_diagram';
CREATE FUNCTION workflow.diagram(process uuid, format text DEFAULT 'mermaid')
    RETURNS text LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'workflow_diagram_of';

GRANT EXECUTE ON FUNCTION workflow.lint(json) TO workflow_user, workflow_admin;
GRANT EXECUTE ON FUNCTION
    workflow.lint(text, int), workflow.export, workflow.diagram(text, int, text), workflow.diagram(uuid, text)
    TO workflow_user, workflow_monitor, workflow_admin;

