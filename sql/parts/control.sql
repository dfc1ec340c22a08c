-- Processes under the hand of an operator.

-- What operators do leaves a row in the history, with
--   actor       on whose behalf; default: current_user
--   note        why

-- suspend(process): commands are refused and timers wait until resume().
-- Returns false when it was suspended already. Errors: WF001, WF002, WF004.
CREATE FUNCTION workflow.suspend(process uuid, actor text DEFAULT NULL, note text DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_suspend';

-- resume(process): undo suspend(); deliver the events that were given up after
-- failures once more. Returns false when there was nothing to resume. Errors:
-- WF001, WF002, WF004. Locks the process row.
CREATE FUNCTION workflow.resume(process uuid, actor text DEFAULT NULL, note text DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_resume';

-- cancel(process): leave all states (exit actions run), drop all timers; the
-- process is over, status terminated. Errors: WF001, WF002, WF004.
CREATE FUNCTION workflow.cancel(process uuid, actor text DEFAULT NULL, note text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_cancel';

-- verdict: what a call that moves a process answers, where it cannot name the
-- columns itself.
CREATE TYPE workflow.verdict AS (taken boolean, status workflow.status, states text[], context jsonb);

-- set_states(...): an operator puts a process into given states, whatever its
-- transitions are.
--   process     its id
--   states      names of states; what they leave open is entered by default.
--               What is active before and after stays as it is
--   execute     true: exit and entry actions run, and the step goes on as after
--               a transition; false: no action runs and nothing follows
--   actor       on whose behalf; default: current_user
--   patch       of the context, before that, as in set_context()
--   note        why; for the history
-- Timers and invokes of what is left end, those of what is entered begin,
-- history is remembered, in both cases. A process that failed goes on, what
-- was given up is delivered again; one that is suspended stays suspended.
-- Returns a verdict like send(). For the definition's owner and
-- workflow_admin. Errors: WF001, WF002, WF003 (not started yet), WF004; 22023
-- for names that there are not, history states, and states that exclude each
-- other; those of its actions. Locks the process row.
CREATE FUNCTION workflow.set_states(
    process uuid, states text[], execute boolean DEFAULT true, actor text DEFAULT NULL,
    patch jsonb DEFAULT NULL, note text DEFAULT NULL)
    RETURNS workflow.verdict LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_set_states';

-- set_context(...): an operator repairs the context of a process.
--   process     its id
--   patch       a JSON merge patch (RFC 7396): {"name": value} sets a member,
--               {"name": null} removes it, an object is a patch of what is there
--   actor       on whose behalf; default: current_user
--   note        why; for the history
-- No action runs and no transition is taken; what search() finds is renewed. A
-- process that failed or is suspended stays so. Returns a verdict like send().
-- For the definition's owner and workflow_admin. Errors: WF001, WF002, WF003
-- (not started yet), WF004; 22023 for a patch that is no object, 54000 for a
-- context that gets too large. Locks the process row.
CREATE FUNCTION workflow.set_context(
    process uuid, patch jsonb, actor text DEFAULT NULL, note text DEFAULT NULL)
    RETURNS workflow.verdict LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_set_context';

REVOKE ALL ON TYPE workflow.verdict FROM PUBLIC;
GRANT USAGE ON TYPE workflow.verdict TO workflow_user, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION
    workflow.suspend, workflow.resume, workflow.cancel, workflow.set_states, workflow.set_context
    TO workflow_user, workflow_admin;

