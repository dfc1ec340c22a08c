-- A web shop. Its tables are its own; workflow only calls its functions.
--
-- Roles: shop owns the tables, the functions and the definition; web is the
-- web application, which places orders and pays for customers; manager is the
-- application of three managers, ann, ben and cleo; outside are the programs that do runs of jobs elsewhere: the till, which
-- talks to the bank, and the mailer. psql variables: orders (how many), pay_within (payment deadline).
--
-- No table has a key where one would hide a mistake: a second invoice for an
-- order would simply be there, and proof.sql would find it.

\set ON_ERROR_STOP 1
SET client_min_messages = warning;

CREATE ROLE shop LOGIN;
CREATE ROLE web LOGIN;
CREATE ROLE manager LOGIN;
CREATE ROLE outside LOGIN;
GRANT workflow_user TO shop, web, manager, outside;
CREATE SCHEMA shop AUTHORIZATION shop;

SET ROLE shop;
SET search_path = shop;

CREATE TABLE product (
    sku           text PRIMARY KEY,
    price         numeric NOT NULL,
    initial_stock int NOT NULL,
    stock         int NOT NULL CHECK (stock >= 0)
) WITH (fillfactor = 50);

CREATE TABLE orders (
    id            int PRIMARY KEY,
    customer      text NOT NULL,
    customer_will text NOT NULL CHECK (customer_will IN ('pay', 'cancel', 'forget')),
    total         numeric NOT NULL,
    process       uuid              -- once it is placed
);
CREATE TABLE order_line (
    order_id int NOT NULL REFERENCES orders,
    sku      text NOT NULL REFERENCES product,
    quantity int NOT NULL,
    PRIMARY KEY (order_id, sku)
);

-- What the workflow does, each row written by an action.
CREATE TABLE stock_movement (order_id int, sku text, quantity int, reason text, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE payment        (order_id int, amount numeric, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE refund         (order_id int, amount numeric, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE to_approve     (order_id int, total numeric, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE packing_list   (order_id int, parcel text, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE invoice        (number int GENERATED ALWAYS AS IDENTITY, order_id int, amount numeric, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE wrapped        (order_id int, began timestamptz, ended timestamptz);
CREATE INDEX ON stock_movement (order_id);
CREATE INDEX ON packing_list (order_id);
CREATE INDEX ON to_approve (order_id);

-- What the customers and the managers did, written by them with their command.
CREATE TABLE customer_did (order_id int PRIMARY KEY, event text, taken boolean);
CREATE TABLE manager_did  (order_id int, actor text, event text, taken boolean, PRIMARY KEY (order_id, actor));
CREATE TABLE reminded     (order_id int, at timestamptz DEFAULT clock_timestamp());

-- What a schedule writes every two seconds: how many were shipped by then.
CREATE TABLE report (scheduled_at timestamptz, shipped bigint, at timestamptz DEFAULT clock_timestamp());

-- What the till wrote when the bank had paid.
CREATE TABLE till (order_id int, run uuid, at timestamptz DEFAULT clock_timestamp());

-- The invoice printer: it jams for a second at some invoices, and has no
-- toner for a few until somebody sets `toner`.
CREATE TABLE printer (toner boolean NOT NULL);
INSERT INTO printer VALUES (false);
-- Counts jams; a sequence, because a table would forget with the rollback.
CREATE SEQUENCE printer_jam;

-- ---- guards and actions -----------------------------------------------------

CREATE FUNCTION in_stock(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT bool_and(p.stock >= l.quantity)
    FROM shop.order_line l JOIN shop.product p USING (sku)
    WHERE l.order_id = (context->>'order')::int
$$;

CREATE FUNCTION reserve(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    line record;
BEGIN
    FOR line IN SELECT sku, quantity FROM shop.order_line WHERE order_id = (context->>'order')::int ORDER BY sku LOOP
        UPDATE shop.product SET stock = stock - line.quantity WHERE sku = line.sku;
        INSERT INTO shop.stock_movement VALUES ((context->>'order')::int, line.sku, -line.quantity, 'reserved');
    END LOOP;
END $$;

-- In the opposite order of reserve(), as if somebody else had written it.
CREATE FUNCTION give_back(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    line record;
BEGIN
    FOR line IN SELECT sku, quantity FROM shop.order_line WHERE order_id = (context->>'order')::int ORDER BY sku DESC LOOP
        UPDATE shop.product SET stock = stock + line.quantity WHERE sku = line.sku;
        INSERT INTO shop.stock_movement VALUES ((context->>'order')::int, line.sku, line.quantity, 'given back');
    END LOOP;
END $$;

CREATE FUNCTION book_payment(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO shop.payment VALUES ((context->>'order')::int, (event->'output'->>'amount')::numeric)
$$;

CREATE FUNCTION refund_payment(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO shop.refund SELECT order_id, amount FROM shop.payment WHERE order_id = (context->>'order')::int
$$;

CREATE FUNCTION ask_manager(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO shop.to_approve VALUES ((context->>'order')::int, (context->>'total')::numeric)
$$;

CREATE FUNCTION remind_managers(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO shop.reminded VALUES ((context->>'order')::int)
$$;

CREATE FUNCTION pack(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO shop.packing_list
    SELECT order_id, string_agg(quantity || ' x ' || sku, ', ' ORDER BY sku)
    FROM shop.order_line WHERE order_id = (context->>'order')::int GROUP BY order_id
$$;

CREATE FUNCTION print_invoice(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    id int := context->>'order';
BEGIN
    IF id % 40 = 3 AND clock_timestamp() < (SELECT max(at) + interval '1 second' FROM shop.packing_list WHERE order_id = id) THEN
        PERFORM nextval('shop.printer_jam');
        RAISE EXCEPTION 'the printer is jammed' USING HINT = 'It will not be for long.';
    END IF;
    IF id % 1000 = 107 AND NOT (SELECT toner FROM shop.printer) THEN
        RAISE EXCEPTION 'no toner for invoice of order %', id USING HINT = 'UPDATE shop.printer SET toner = true';
    END IF;
    INSERT INTO shop.invoice (order_id, amount) VALUES (id, (context->>'total')::numeric);
END $$;

-- A mail for each order, sent by somebody outside: with the order's number as its
-- key there is one run, whatever becomes of the step.
CREATE FUNCTION send_mail(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM workflow.run_job('mail', jsonb_build_object('from', 'shop@example.com', 'to', o.customer || '@example.com',
        'subject', 'Order ' || o.id, 'text', 'Your order is on its way.'), key => o.id::text)
    FROM shop.orders o WHERE o.id = (context->>'order')::int;
END $$;

-- ---- jobs -----------------------------------------------------------------------

-- Some parcels are wrapped by hand, at a bench with room for four, who take a breath
-- between two of them.
CREATE FUNCTION wrap(params jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := clock_timestamp();
BEGIN
    PERFORM pg_sleep(0.1);
    INSERT INTO shop.wrapped VALUES ((params->>'order')::int, began, clock_timestamp());
END $$;

SELECT workflow.create_queue('bench', max_parallel => 4, min_gap => '200 milliseconds'), workflow.create_queue('payments'), workflow.create_queue('mail');
SELECT workflow.create_job('wrap', 'shop.wrap', '{"order": "int"}', queue => 'bench', mode => 'tracked'),
    workflow.create_job('charge', parameters => '{"order": "int", "amount": "numeric"}', queue => 'payments'),
    workflow.create_job('mail', parameters => '{"from": "text", "to": "text", "subject": "text", "text": "text"}', queue => 'mail');
SELECT workflow.grant_on('queue:payments', 'outside', 'claim'), workflow.grant_on('queue:mail', 'outside', 'claim');

-- A report, again and again: one that is missed while the server is down is made up for once.
CREATE FUNCTION report(params jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO shop.report SELECT (params->>'scheduled_at')::timestamptz, count(*) FROM shop.invoice
$$;
SELECT workflow.create_job('report', 'shop.report', '{"scheduled_at": "timestamptz"}'),
    workflow.create_schedule('report', job => 'report', cron => '*/2 * * * * *', params => '{"scheduled_at": "$scheduled_at"}');

-- ---- the definition -----------------------------------------------------------

SELECT workflow.define(replace($definition$
{
  "id": "order",
  "initial": "open",
  "context": {"order": null, "total": 0},
  "delays": {"payment deadline": "PAY_WITHIN"},
  "states": {
    "open": {
      "initial": "reserving",
      "on": {"cancel": {"target": "cancelled"}},
      "states": {
        "reserving": {
          "always": [
            {"guard": "shop.in_stock", "target": "payment", "actions": "shop.reserve"},
            {"target": "#order.sold_out"}
          ]
        },
        "payment": {
          "on": {
            "pay": {
              "guard": {"@expr": "(event->'data'->>'amount')::numeric = (context->>'total')::numeric"},
              "target": "#order.charging"
            }
          },
          "after": {"payment deadline": {"target": "#order.unpaid"}}
        }
      }
    },
    "charging": {
      "invoke": {
        "job": "charge",
        "input": {"order": {"@expr": "context->'order'"}, "amount": {"@expr": "context->'total'"}},
        "onDone": {"actions": "shop.book_payment", "target": "paid"}
      }
    },
    "paid": {
      "initial": "deciding",
      "states": {
        "deciding": {
          "always": [
            {"guard": {"@expr": "(context->>'total')::numeric > 500"}, "target": "approval"},
            {"target": "choosing"}
          ]
        },
        "approval": {
          "entry": "shop.ask_manager",
          "task": {
            "for": ["ann", "ben", "cleo"], "need": 2,
            "title": {"@expr": "format('Order %s for %s', context->>'order', context->>'total')"},
            "priority": {"@expr": "CASE WHEN (context->>'total')::numeric > 1000 THEN 1 ELSE 0 END"},
            "remind": ["500 milliseconds"], "onRemind": {"actions": "shop.remind_managers"}
          },
          "on": {"approve": "choosing", "reject": "#order.rejected"}
        },
        "choosing": {
          "always": [
            {"guard": {"@expr": "(context->>'order')::int % 100 = 7"}, "target": "wrapping"},
            {"target": "packing"}
          ]
        },
        "wrapping": {
          "invoke": {"job": "wrap", "input": {"order": {"@expr": "context->'order'"}}, "onDone": "packing"}
        },
        "packing": {
          "entry": "shop.pack",
          "after": {"100 milliseconds": "invoicing"}
        },
        "invoicing": {
          "after": {"1 millisecond": {"actions": "shop.print_invoice", "target": "#order.shipped"}}
        }
      }
    },
    "shipped":   {"type": "final", "entry": "shop.send_mail"},
    "sold_out":  {"type": "final"},
    "cancelled": {"type": "final", "entry": "shop.give_back"},
    "unpaid":    {"type": "final", "entry": "shop.give_back"},
    "rejected":  {"type": "final", "entry": ["shop.give_back", "shop.refund_payment"]}
  }
}
$definition$, 'PAY_WITHIN', :'pay_within')::json) AS version \gset
SELECT workflow.grant_on('order', 'web', 'start', 'send', 'read', 'act'); -- it knows its customers
SELECT workflow.grant_on('order', 'manager', 'send', 'read', 'act'); -- it knows who has logged in

-- ---- what the application, the customers and the managers do ------------------

-- Place the next orders. An executor starts them, so that a full shop does not
-- keep the web server waiting. The order's number is the business key: placed
-- twice, it is one process.
CREATE FUNCTION place_orders(chunk int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    ids int[];
    inputs jsonb[];
BEGIN
    SELECT array_agg(o.id ORDER BY o.id), array_agg(jsonb_build_object('order', o.id, 'total', o.total) ORDER BY o.id)
    INTO ids, inputs
    FROM (SELECT * FROM shop.orders WHERE process IS NULL ORDER BY id LIMIT chunk) o;
    IF ids IS NULL THEN
        RETURN 0;
    END IF;
    UPDATE shop.orders o SET process = s.process
    FROM workflow.start_many('order', inputs, ids::text[], at => clock_timestamp()) WITH ORDINALITY s(process, n)
    WHERE o.id = ids[s.n];
    RETURN cardinality(ids);
END $$;

-- Customers in one of several sessions: pay or cancel what is reserved for
-- them. The command and the note of its verdict are one transaction. Its id
-- makes it safe to send again by somebody who never saw the answer.
CREATE PROCEDURE customers_act(part int, parts int) LANGUAGE plpgsql AS $$
DECLARE
    o record;
    verdict record;
BEGIN
    FOR o IN
        SELECT id, customer, customer_will, total FROM shop.orders
        WHERE id % parts = part AND customer_will <> 'forget'
          AND EXISTS (SELECT FROM shop.stock_movement m WHERE m.order_id = id)
          AND NOT EXISTS (SELECT FROM shop.customer_did d WHERE d.order_id = id)
        ORDER BY id
    LOOP
        BEGIN
            SELECT * INTO verdict FROM workflow.send_by_key('order', o.id::text, o.customer_will,
                jsonb_build_object('amount', o.total), id => o.customer_will, actor => o.customer);
        EXCEPTION WHEN SQLSTATE 'WF004' THEN -- over: the deadline was first
            SELECT false AS taken INTO verdict;
        END;
        INSERT INTO shop.customer_did VALUES (o.id, o.customer_will, verdict.taken);
        COMMIT;
    END LOOP;
END $$;

-- A manager looks into the inbox, and rejects every fifth order. Two of the three
-- decide; then it is in no inbox any more.
CREATE PROCEDURE manager_decides(who text) LANGUAGE plpgsql AS $$
DECLARE
    t record;
    decision text;
    verdict record;
BEGIN
    FOR t IN SELECT i.task, i.key::int AS id FROM workflow.inbox(who) i LOOP
        decision := CASE WHEN t.id % 5 = 0 THEN 'reject' ELSE 'approve' END;
        BEGIN
            SELECT * INTO verdict FROM workflow.complete_task(t.task, decision, actor => who);
            INSERT INTO shop.manager_did VALUES (t.id, who, decision, verdict.taken);
        EXCEPTION WHEN SQLSTATE 'WF010' THEN -- the others were faster
            NULL;
        END;
        COMMIT;
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA shop TO web, manager, outside;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO web, manager;
GRANT UPDATE (process) ON orders TO web;
GRANT INSERT ON customer_did TO web;
GRANT INSERT ON manager_did TO manager;
GRANT INSERT ON till TO outside;

-- ---- the same orders every time ------------------------------------------------

INSERT INTO product
SELECT 'P' || lpad(p::text, 3, '0'), 4 + p * 37 % 190 + 0.95, :orders / 10 + 20, :orders / 10 + 20
FROM generate_series(1, 200) p;
INSERT INTO product VALUES ('GONE', 9.99, 0, 0);

INSERT INTO orders
SELECT o, 'customer-' || o * 7919 % 1000,
       CASE WHEN o % 9 = 4 THEN 'forget' WHEN o % 31 = 5 THEN 'cancel' ELSE 'pay' END, 0
FROM generate_series(1, :orders) o;

-- One to three lines, of different products.
INSERT INTO order_line
SELECT o, 'P' || lpad((1 + (o * 13 + l * 67) % 200)::text, 3, '0'), 1 + (o + l) % 3
FROM generate_series(1, :orders) o, generate_series(0, 2) l
WHERE l <= o % 3;
INSERT INTO order_line SELECT o, 'GONE', 1 FROM generate_series(1, :orders) o WHERE o % 50 = 0;

UPDATE orders o SET total = (
    SELECT sum(p.price * l.quantity) FROM order_line l JOIN product p USING (sku) WHERE l.order_id = o.id);

RESET ROLE;
ANALYZE;
