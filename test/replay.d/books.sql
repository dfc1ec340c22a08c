-- What can be known of a run from the log alone, and what the engine says. Run by a
-- superuser when the players are done and no timer is due; before proof.sql.

-- ---- the log's side: no state, no transition, nothing of the chart

CREATE TABLE office.last_of AS -- what happened last to the application ("A") and its offers ("O"), and was taken
    SELECT DISTINCT ON (case_id, left(event, 1)) case_id, left(event, 1) AS kind, event
    FROM office.input WHERE taken AND event NOT LIKE 'W%' ORDER BY case_id, left(event, 1), n DESC;

-- Everybody who was sent a letter: for each offer, when declined, and when the
-- third of the three things that make a loan was done.
CREATE TABLE office.letter_due AS
    SELECT case_id, 'offer' AS kind FROM office.input WHERE event = 'O_SENT' AND taken
    UNION ALL
    SELECT case_id, 'refusal' FROM office.input WHERE event = 'A_DECLINED' AND taken
    UNION ALL
    SELECT case_id, 'welcome' FROM office.input WHERE event IN ('A_APPROVED', 'A_REGISTERED', 'A_ACTIVATED') AND taken
    GROUP BY case_id HAVING count(DISTINCT event) = 3;

CREATE TABLE office.booking_due AS
    SELECT case_id, amount FROM office.letter_due JOIN (SELECT DISTINCT case_id, amount FROM office.input) i USING (case_id)
    WHERE kind = 'welcome';

-- Where an application ends that ended so in the log.
CREATE TABLE office.application_due AS
    SELECT case_id, event AS last, CASE event
        WHEN 'A_SUBMITTED' THEN 'open.submitted'
        WHEN 'A_PARTLYSUBMITTED' THEN 'open.partly_submitted'
        WHEN 'A_PREACCEPTED' THEN 'open.preaccepted'
        WHEN 'A_ACCEPTED' THEN 'open.accepted'
        WHEN 'A_FINALIZED' THEN 'open.finalized'
        WHEN 'A_DECLINED' THEN 'declined'
        WHEN 'A_CANCELLED' THEN 'cancelled'
        ELSE 'active' END AS state -- A_APPROVED, A_REGISTERED, A_ACTIVATED: whichever came last
    FROM (SELECT DISTINCT ON (case_id) case_id, event FROM office.input
          WHERE event LIKE 'A\_%' ORDER BY case_id, seq DESC) last;

CREATE TABLE office.offer_due AS
    SELECT case_id, event AS last, CASE event
        WHEN 'O_SENT' THEN 'on_the_table.sent'
        WHEN 'O_SENT_BACK' THEN 'on_the_table.sent_back'
        WHEN 'O_CANCELLED' THEN 'withdrawn'
        WHEN 'O_ACCEPTED' THEN 'accepted'
        WHEN 'O_DECLINED' THEN 'declined' END AS state
    FROM (SELECT DISTINCT ON (case_id) case_id, event FROM office.input
          WHERE event LIKE 'O\_%' ORDER BY case_id, seq DESC) last
    UNION ALL
    SELECT case_id, NULL, 'none' FROM office.input GROUP BY case_id HAVING NOT bool_or(event LIKE 'O\_%');

-- The last things done to each work item, and how its region may stand then. An
-- item that is scheduled while somebody is at work on it is scheduled when that
-- one puts it down.
CREATE TABLE office.work_due AS
    SELECT case_id, CASE kind
            WHEN 'W_Afhandelen leads' THEN 'leads'
            WHEN 'W_Completeren aanvraag' THEN 'completion'
            WHEN 'W_Nabellen offertes' THEN 'calls'
            WHEN 'W_Valideren aanvraag' THEN 'validation'
            WHEN 'W_Nabellen incomplete dossiers' THEN 'papers'
            WHEN 'W_Beoordelen fraude' THEN 'fraud'
            WHEN 'W_Wijzigen contractgegevens' THEN 'contract' END AS region,
        CASE
            WHEN kind = 'W_Wijzigen contractgegevens' THEN '{to_change}'
            WHEN done ~ 'START SCHEDULE$' THEN '{renewed}'
            WHEN done ~ 'START SCHEDULE COMPLETE$' OR done ~ 'SCHEDULE$' THEN '{scheduled}'
            WHEN done ~ 'START$' THEN '{at_work, begun.at_work}'
            ELSE '{put_down, begun.put_down, closed, begun.done}' END::text[] AS states
    FROM (SELECT case_id, split_part(event, '.', 1) AS kind, string_agg(split_part(event, '.', 2), ' ' ORDER BY n) AS done
          FROM office.input WHERE event LIKE 'W%' AND taken GROUP BY 1, 2) items;

-- Deadlines that must be running.
CREATE TABLE office.timer_due AS
    SELECT case_id, 'offer deadline' AS name FROM office.last_of WHERE kind = 'O' AND event = 'O_SENT'
    UNION ALL
    SELECT case_id, 'retention' FROM office.last_of WHERE kind = 'A' AND event IN ('A_DECLINED', 'A_CANCELLED')
    UNION ALL
    SELECT case_id, 'start by' FROM office.work_due WHERE states = '{scheduled}';

-- ---- the engine's side; tables, so that a test of the tests can spoil them

CREATE TABLE office.process AS
    SELECT id, key AS case_id, status, step, context, region, substr(state, length(region) + 2) AS state
    FROM workflow.processes, unnest(states) state, split_part(state, '.', 1) region
    WHERE definition = 'loan';

CREATE TABLE office.history AS
    SELECT key AS case_id, step, row_number() OVER (PARTITION BY key, due IS NULL ORDER BY step)::int AS n,
        event, taken, due, at, from_states, to_states, data
    FROM workflow.process_history WHERE definition = 'loan' AND event <> 'workflow.start';

CREATE TABLE office.timer AS SELECT key AS case_id, name FROM workflow.timers;
CREATE TABLE office.ledger AS SELECT context FROM workflow.processes WHERE definition = 'ledger';
CREATE TABLE office.error AS SELECT key AS case_id, event, message FROM workflow.errors;

ANALYZE;
