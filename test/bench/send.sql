\set n random(1, :doors)
SELECT s.taken FROM bench.door d, workflow.send(d.process, 'push') s WHERE d.n = :n;
