-- What must be true when every order is at its end. Each line compares two
-- numbers that were written by different hands: the shop's own tables on one
-- side, the engine's processes and history, or the customers' and the
-- managers' notes, on the other.

ANALYZE;

CREATE TEMP VIEW ended AS
    SELECT o.id, o.total, p.status, p.step, p.states[1] AS state, cardinality(p.states) AS nstates
    FROM shop.orders o JOIN workflow.processes p ON p.id = o.process;

CREATE TEMP VIEW shipped AS SELECT * FROM ended WHERE state = 'shipped';

-- How many orders have not exactly the rows that they should have?
CREATE TEMP VIEW invoice_faults AS
    SELECT FROM ended e
    LEFT JOIN (SELECT order_id, count(*) AS n, sum(amount) AS amount FROM shop.invoice GROUP BY 1) i ON i.order_id = e.id
    WHERE (e.state = 'shipped') IS DISTINCT FROM (i.n = 1 AND i.amount = e.total) AND NOT (e.state <> 'shipped' AND i.n IS NULL);
CREATE TEMP VIEW packing_faults AS
    SELECT FROM ended e
    LEFT JOIN (SELECT order_id, count(*) AS n FROM shop.packing_list GROUP BY 1) i ON i.order_id = e.id
    WHERE coalesce(i.n, 0) <> (e.state = 'shipped')::int;
CREATE TEMP VIEW payment_faults AS
    SELECT FROM ended e
    LEFT JOIN (SELECT order_id, count(*) AS n, sum(amount) AS amount FROM shop.payment GROUP BY 1) i ON i.order_id = e.id
    LEFT JOIN shop.customer_did d ON d.order_id = e.id AND d.event = 'pay' AND d.taken
    WHERE coalesce(i.n, 0) <> (d.order_id IS NOT NULL)::int
       OR coalesce(i.n, 0) <> (e.state IN ('shipped', 'rejected'))::int
       OR i.amount <> e.total;
CREATE TEMP VIEW refund_faults AS
    SELECT FROM ended e
    LEFT JOIN (SELECT order_id, count(*) AS n, sum(amount) AS amount FROM shop.refund GROUP BY 1) i ON i.order_id = e.id
    WHERE coalesce(i.n, 0) <> (e.state = 'rejected')::int OR i.amount <> e.total;
CREATE TEMP VIEW stock_faults AS
    SELECT FROM ended e
    JOIN shop.order_line l ON l.order_id = e.id
    LEFT JOIN (SELECT order_id, sku, count(*) FILTER (WHERE reason = 'reserved') AS reserved,
                      count(*) FILTER (WHERE reason = 'given back') AS given_back, sum(quantity) AS quantity
               FROM shop.stock_movement GROUP BY 1, 2) m USING (order_id, sku)
    WHERE coalesce(m.reserved, 0) <> (e.state <> 'sold_out')::int
       OR coalesce(m.given_back, 0) <> (e.state IN ('cancelled', 'unpaid', 'rejected'))::int
       OR coalesce(m.quantity, 0) <> CASE WHEN e.state = 'shipped' THEN -l.quantity ELSE 0 END;
CREATE TEMP VIEW shelf_faults AS
    SELECT FROM shop.product p
    WHERE p.stock <> p.initial_stock - (SELECT coalesce(sum(l.quantity), 0) FROM shop.order_line l JOIN shipped s ON s.id = l.order_id WHERE l.sku = p.sku);
CREATE TEMP VIEW approval_faults AS
    SELECT FROM ended e
    LEFT JOIN (SELECT order_id, count(*) AS n FROM shop.to_approve GROUP BY 1) t ON t.order_id = e.id
    LEFT JOIN (SELECT order_id, count(*) AS n, count(*) FILTER (WHERE taken) AS decided, count(DISTINCT event) AS events, min(event) AS event
               FROM shop.manager_did GROUP BY 1) d ON d.order_id = e.id
    WHERE coalesce(t.n, 0) <> (e.state IN ('shipped', 'rejected') AND e.total > 500)::int
       OR coalesce(d.n, 0) <> 2 * coalesce(t.n, 0) OR coalesce(d.decided, 0) <> coalesce(t.n, 0)
       OR d.events > 1 OR d.event <> CASE e.state WHEN 'shipped' THEN 'approve' ELSE 'reject' END;
CREATE TEMP VIEW vote_faults AS
    SELECT FROM (SELECT key::int AS order_id, actor, event FROM workflow.approvals WHERE act = 'vote') v
    FULL JOIN shop.manager_did d USING (order_id, actor, event)
    WHERE v.order_id IS NULL OR d.order_id IS NULL;
CREATE TEMP VIEW report_faults AS
    SELECT FROM (SELECT scheduled_at, count(*) AS n FROM shop.report GROUP BY 1) r
    WHERE n <> 1 OR extract(epoch FROM scheduled_at)::int % 2 <> 0;

-- What the bank and the mail server have heard, by idempotency key and message id.
CREATE TEMP TABLE heard (line text);
COPY heard FROM :'heard' WITH (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02');
CREATE TEMP VIEW asked AS SELECT split_part(line, ' ', 2) AS key FROM heard WHERE line LIKE 'http %';
CREATE TEMP VIEW mailed AS SELECT split_part(line, ' ', 2) AS key FROM heard WHERE line LIKE 'mail %';
CREATE TEMP VIEW charge_faults AS
    SELECT FROM shop.payment p
    LEFT JOIN (SELECT order_id, count(*) AS n, min(run::text) AS run FROM shop.till GROUP BY 1) t USING (order_id)
    WHERE t.n IS DISTINCT FROM 1 OR t.run NOT IN (SELECT key FROM asked);
CREATE TEMP VIEW bench_faults AS
    SELECT FROM shop.wrapped a
    WHERE (SELECT count(*) FROM shop.wrapped b WHERE b.began <= a.began AND b.ended + interval '200 milliseconds' > a.began) > 4;

-- The engine's own books.
CREATE TEMP VIEW history_faults AS
    SELECT FROM ended e JOIN shop.orders o USING (id)
    JOIN (SELECT process, count(*) AS n, min(step) AS first, max(step) AS last,
                 count(*) FILTER (WHERE to_states <@ '{shipped,sold_out,cancelled,unpaid,rejected}') AS ends
          FROM workflow.process_history GROUP BY 1) h ON h.process = o.process
    WHERE h.ends <> 1 OR h.last <> e.step OR h.n <> h.last - h.first + 1;

CREATE TEMP TABLE proof AS
SELECT row_number() OVER () AS line, what, expected::numeric, found::numeric, expected::numeric IS NOT DISTINCT FROM found::numeric AS ok
FROM (VALUES
    ('orders placed, each one process',                (SELECT count(*) FROM shop.orders),                          (SELECT count(DISTINCT id) FROM workflow.processes)),
    ('processes at an end, in exactly one state',      (SELECT count(*) FROM shop.orders),                          (SELECT count(*) FROM ended WHERE status = 'finalized' AND nstates = 1)),
    ('orders shipped, invoiced once, over the total',  (SELECT count(*) FROM shipped),                              (SELECT count(DISTINCT order_id) FROM shop.invoice)),
    ('... invoices missing, doubled or wrong',         0,                                                           (SELECT count(*) FROM invoice_faults)),
    ('... sum of invoices',                            (SELECT sum(total) FROM shipped),                            (SELECT sum(amount) FROM shop.invoice)),
    ('orders on the packing list',                     (SELECT count(*) FROM shipped),                              (SELECT count(*) FROM shop.packing_list)),
    ('... missing or packed twice',                    0,                                                           (SELECT count(*) FROM packing_faults)),
    ('payments that customers saw accepted',           (SELECT count(*) FROM shop.customer_did WHERE event = 'pay' AND taken), (SELECT count(*) FROM shop.payment)),
    ('... missing, doubled or wrong',                  0,                                                           (SELECT count(*) FROM payment_faults)),
    ('payments given back for rejected orders',        (SELECT count(*) FROM ended WHERE state = 'rejected'),       (SELECT count(*) FROM shop.refund)),
    ('... missing, doubled or wrong',                  0,                                                           (SELECT count(*) FROM refund_faults)),
    ('orders that two of three had to approve, and did', (SELECT count(*) FROM shop.to_approve),                    (SELECT count(*) FROM shop.manager_did WHERE taken)),
    ('... missed, asked twice, not by two or against the answer', 0,                                                (SELECT count(*) FROM approval_faults)),
    ('... votes of managers that are not in the books, or only there', 0,                                           (SELECT count(*) FROM vote_faults)),
    ('tasks that are still open',                      0,                                                           (SELECT count(*) FROM workflow.tasks)),
    ('reports of the schedule, each made once',        (SELECT count(*) FROM workflow.runs WHERE job = 'report'),   (SELECT count(DISTINCT scheduled_at) FROM shop.report)),
    ('... twice, or of no occurrence',                 0,                                                           (SELECT count(*) FROM report_faults)),
    ('pieces in stock at the end',                     (SELECT sum(initial_stock) FROM shop.product) - (SELECT coalesce(sum(quantity), 0) FROM shop.order_line l JOIN shipped s ON s.id = l.order_id), (SELECT sum(stock) FROM shop.product)),
    ('... order lines not reserved once, or not given back once', 0,                                                (SELECT count(*) FROM stock_faults)),
    ('... products whose shelf is wrong',              0,                                                           (SELECT count(*) FROM shelf_faults)),
    ('customers charged by the bank, by the keys it was asked with', (SELECT count(*) FROM shop.payment),           (SELECT count(DISTINCT key) FROM asked)),
    ('... not written once by the till, or never asked for', 0,                                                     (SELECT count(*) FROM charge_faults)),
    ('... runs completed',                             (SELECT count(*) FROM shop.payment),                         (SELECT count(*) FROM workflow.runs WHERE job = 'charge' AND state = 'finished')),
    ('parcels wrapped by hand',                        (SELECT count(*) FROM shipped WHERE id % 100 = 7),           (SELECT count(*) FROM shop.wrapped)),
    ('... with more than four at the bench, or no 200 ms between them', 0,                                          (SELECT count(*) FROM bench_faults)),
    ('mails sent, by their message ids',               (SELECT count(*) FROM shipped),                              (SELECT count(DISTINCT key) FROM mailed)),
    ('runs left over, or not finished',                0,                                                           (SELECT count(*) FROM workflow.runs WHERE state <> 'finished')),
    ('orders with an end reached twice, or steps missing', 0,                                                       (SELECT count(*) FROM history_faults)),
    ('timers that fired before they were due',         0,                                                           (SELECT count(*) FROM workflow.process_history WHERE at < due)),
    ('timers left over',                               0,                                                           (SELECT count(*) FROM workflow.timers)),
    ('errors left over',                               0,                                                           (SELECT count(*) FROM workflow.errors))
) AS p(what, expected, found);

\pset footer off
\echo
SELECT state AS "order ended as", count(*) AS orders, sum(total) AS worth FROM ended GROUP BY 1 ORDER BY 2 DESC;
SELECT what AS "proof", expected, found, CASE WHEN ok THEN 'ok' ELSE 'WRONG' END AS " " FROM proof ORDER BY line;
SELECT format('The bank was asked %s times for %s payments, and %s mails were sent for %s orders: at least once each,', a.n, a.keys, m.n, m.keys)
           AS "effects outside", 'by a key of which there is one.' AS " "
FROM (SELECT count(*) AS n, count(DISTINCT key) AS keys FROM asked) a, (SELECT count(*) AS n, count(DISTINCT key) AS keys FROM mailed) m;
\pset format unaligned
\t on
\o :verdict
SELECT bool_and(ok) FROM proof;
\o
