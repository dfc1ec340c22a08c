-- What must be true after a run: each line compares what follows from the log, or
-- from what the players heard, with what the engine has written. The variable
-- order is "log", or "shuffled": then nothing is known beforehand of what is
-- refused and where cases end.

CREATE TEMP TABLE proof AS
SELECT row_number() OVER () AS line, what, expected::numeric, found::numeric,
    expected::numeric IS NOT DISTINCT FROM found::numeric AS ok
FROM (VALUES
    (true, 'cases, each one process',
        (SELECT count(DISTINCT case_id) FROM office.input),
        (SELECT count(DISTINCT id) FROM office.process)),
    (true, 'commands in the history',
        (SELECT count(*) FROM office.input),
        (SELECT count(*) FROM office.history WHERE due IS NULL)),
    (true, '... that are not the event that the case sent there',
        0,
        (SELECT count(*) FROM office.input i FULL JOIN (SELECT * FROM office.history WHERE due IS NULL) h USING (case_id, n)
         WHERE (i.event, i.seq::text, i.actor) IS DISTINCT FROM (h.event, h.data->>'seq', h.data->>'actor'))),
    (true, '... whose verdict is not what the player heard',
        0,
        (SELECT count(*) FROM office.input i JOIN office.history h USING (case_id, n)
         WHERE h.due IS NULL AND h.taken <> i.taken)),
    (:'order' = 'log', 'commands refused, all of them known to be wrong',
        (SELECT count(*) FROM office.known WHERE EXISTS (SELECT FROM office.input i WHERE i.case_id = known.case_id)),
        (SELECT count(*) FROM office.history h WHERE due IS NULL AND NOT taken)),
    (:'order' = 'log', '... refused and not known, or known and not refused',
        0,
        (SELECT count(*) FROM office.input i LEFT JOIN office.known k USING (case_id, seq)
         WHERE i.taken <> (k.case_id IS NULL))),
    (:'order' = 'log', 'applications that are not where their last event left them',
        0,
        (SELECT count(*) FROM office.application_due d
         LEFT JOIN office.process p ON p.case_id = d.case_id AND p.region = 'application' WHERE p.state IS DISTINCT FROM d.state)),
    (:'order' = 'log', 'offers that are not where their last event left them',
        0,
        (SELECT count(*) FROM office.offer_due d
         LEFT JOIN office.process p ON p.case_id = d.case_id AND p.region = 'offer' WHERE p.state IS DISTINCT FROM d.state)),
    (true, 'work items that do not stand as they were left',
        0,
        (SELECT count(*) FROM office.process p LEFT JOIN office.work_due d USING (case_id, region)
         WHERE p.region NOT IN ('application', 'offer', 'mail')
           AND p.state <> ALL (coalesce(d.states, '{none, unchanged}')))),
    (true, 'letters printed',
        (SELECT count(*) FROM office.letter_due),
        (SELECT count(*) FROM office.letter)),
    (true, '... missing, too many or wrong',
        0,
        (SELECT count(*) FROM (SELECT case_id, kind, count(*) AS n FROM office.letter_due GROUP BY 1, 2) d
         FULL JOIN (SELECT case_id, kind, count(*) AS n FROM office.letter GROUP BY 1, 2) l USING (case_id, kind)
         WHERE d.n IS DISTINCT FROM l.n)),
    (true, '... that the history and the context count otherwise',
        0,
        (SELECT count(*) FROM office.process p
         LEFT JOIN (SELECT case_id, count(*) AS n FROM office.letter GROUP BY 1) l USING (case_id)
         LEFT JOIN (SELECT case_id, count(*) AS n FROM office.history WHERE event = 'letter' AND taken GROUP BY 1) h USING (case_id)
         WHERE p.region = 'mail'
           AND (coalesce(l.n, 0) <> (p.context->>'letters')::int OR coalesce(h.n, 0) <> (p.context->>'letters')::int))),
    (true, 'loans in the ledgers',
        (SELECT count(*) FROM office.booking_due),
        (SELECT sum((context->>'loans')::int) FROM office.ledger)),
    (true, '... sum of their amounts',
        (SELECT coalesce(sum(amount), 0) FROM office.booking_due),
        (SELECT sum((context->>'amount')::bigint) FROM office.ledger)),
    (true, '... booked by the ledgers twice, not at all or wrongly',
        0,
        (SELECT count(*) FROM ((TABLE office.booking_due EXCEPT ALL SELECT case_id, amount FROM office.booked)
            UNION ALL (SELECT case_id, amount FROM office.booked EXCEPT ALL TABLE office.booking_due)) d)),
    (true, 'deadlines that run',
        (SELECT count(*) FROM office.timer_due),
        (SELECT count(*) FROM office.timer)),
    (true, '... that should not, or are missing',
        0,
        (SELECT count(*) FROM ((TABLE office.timer_due EXCEPT ALL TABLE office.timer)
            UNION ALL (TABLE office.timer EXCEPT ALL TABLE office.timer_due)) d)),
    (true, 'cases whose steps are not 1, 2, 3 ... to the last',
        0,
        (SELECT count(*) FROM (SELECT case_id, count(*) AS n, min(step) AS first, max(step) AS last FROM office.history GROUP BY 1) h
         FULL JOIN (SELECT * FROM office.process WHERE region = 'mail') p USING (case_id)
         WHERE (h.first, h.last, h.n) IS DISTINCT FROM (2, p.step, (p.step - 1)::bigint))),
    (true, 'timers that fired before they were due',
        0,
        (SELECT count(*) FROM office.history WHERE at < due)),
    (true, 'errors, and processes that do not wait for the next event',
        0,
        (SELECT count(*) FROM office.error) + (SELECT count(*) FROM office.process WHERE status <> 'idled'))
) AS p(applies, what, expected, found)
WHERE applies;
