\set n random(0, 999)
SELECT count(*) FROM workflow.inbox('p' || :n::text, n => 20, groups => ARRAY['g' || (:n % 50)::text]);
