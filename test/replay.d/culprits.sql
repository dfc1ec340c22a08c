-- What a failed proof is about, one JSON object a line: errors, processes that do
-- not wait, letters, and the end of the history of each case concerned.

WITH letter AS (
    SELECT case_id, kind, coalesce(d.n, 0) AS due, coalesce(l.n, 0) AS printed
    FROM (SELECT case_id, kind, count(*) AS n FROM office.letter_due GROUP BY 1, 2) d
    FULL JOIN (SELECT case_id, kind, count(*) AS n FROM office.letter GROUP BY 1, 2) l USING (case_id, kind)
    WHERE d.n IS DISTINCT FROM l.n
), concerned AS (
    SELECT case_id FROM letter
    UNION SELECT case_id FROM office.process WHERE status <> 'idled'
    UNION SELECT key FROM workflow.errors
)
SELECT line FROM (
    SELECT 1, at, row_to_json(e)::text AS line FROM workflow.errors e
    UNION ALL
    SELECT 2, NULL, row_to_json(l)::text FROM letter l
    UNION ALL
    SELECT 3, updated_at, row_to_json(p)::text FROM workflow.processes p WHERE status <> 'idled'
    UNION ALL
    SELECT 4, at, row_to_json(h)::text FROM (
        SELECT key, step, event, taken, due, at, to_states,
            row_number() OVER (PARTITION BY key ORDER BY step DESC) AS back
        FROM workflow.process_history WHERE key IN (SELECT case_id FROM concerned)) h
    WHERE back <= 8
) found (kind, at, line) ORDER BY kind, at LIMIT 200;
