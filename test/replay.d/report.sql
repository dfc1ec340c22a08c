-- The proof, line by line, for replay: "ok" or "FAILED", what, and the two numbers.
SELECT CASE WHEN ok THEN 'ok' ELSE 'FAILED' END || E'\t' || what || E'\t' || coalesce(expected::text, 'nothing') || E'\t'
    || coalesce(found::text, 'nothing')
FROM proof ORDER BY line;
