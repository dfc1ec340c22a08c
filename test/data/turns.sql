-- For tests of turns, by the clock that a test sets.

-- Runtimes that beat each alive_signal_interval, and when their turns begin: a day in a moment.
-- play() notes who has turns, and when, and returns how many bytes of WAL that wrote.
CREATE TABLE turn (kind text, id text, at int, long int);
CREATE FUNCTION play(ids text[], from_ms int, to_ms int, every int DEFAULT 1000) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	wrote numeric;
	epochs bigint[] := ARRAY(SELECT r.epoch FROM unnest(ids) WITH ORDINALITY i(id, n) JOIN workflow.runtimes r USING (id) ORDER BY i.n);
	wakes int[] := ARRAY(SELECT from_ms + 37 * n FROM generate_series(1, cardinality(ids)) n);
	ends int[] := array_fill(0, ARRAY[cardinality(ids)]);
	ends_service int[] := array_fill(0, ARRAY[cardinality(ids)]);
	turns jsonb := '[]';
	wal pg_lsn := pg_current_wal_insert_lsn();
	now int;
	i int;
	b record;
BEGIN
	LOOP
		SELECT w.at, w.n INTO now, i FROM unnest(wakes) WITH ORDINALITY w(at, n) ORDER BY w.at, w.n LIMIT 1;
		EXIT WHEN now > to_ms;
		PERFORM set_config('workflow.test_steady_clock', now::text, false);
		SELECT * INTO b FROM workflow.beat(ids[i], epochs[i]);
		IF NOT b.ok THEN RAISE 'runtime % is fenced at %', ids[i], now; END IF;
		IF b.mine AND now >= ends[i] THEN
			turns := turns || jsonb_build_object('kind', 'timer', 'id', ids[i], 'at', now, 'long', (extract(epoch FROM b.mine_for) * 1000)::int);
			ends[i] := now + ceil(extract(epoch FROM b.mine_for) * 1000);
		END IF;
		IF b.service AND now >= ends_service[i] THEN
			turns := turns || jsonb_build_object('kind', 'service', 'id', ids[i], 'at', now);
			ends_service[i] := now + 48000;
		END IF;
		wakes[i] := now + LEAST(every, GREATEST(ceil(extract(epoch FROM b.next_in) * 1000)::int, 1));
	END LOOP;
	IF pg_current_xact_id_if_assigned() IS NOT NULL THEN RAISE 'beats have a transaction id'; END IF;
	wrote := pg_current_wal_insert_lsn() - wal;
	INSERT INTO turn SELECT * FROM jsonb_populate_recordset(NULL::turn, turns);
	RETURN wrote;
END $$;
-- how far apart turns began, and how often
CREATE FUNCTION gaps(of text, from_ms int, to_ms int) RETURNS text LANGUAGE sql AS $$
	SELECT COALESCE(string_agg(format('%s ms: %s', gap, n), ', ' ORDER BY gap), 'no turns')
	FROM (SELECT gap, count(*) AS n
		FROM (SELECT at - lag(at) OVER (ORDER BY at) AS gap FROM turn WHERE kind = of AND at BETWEEN from_ms AND to_ms) g
		WHERE gap IS NOT NULL GROUP BY gap) c $$;
