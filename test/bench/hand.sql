\set n random(1, :doors)
SELECT s.taken FROM bench.door d, bench.push(d.process) s WHERE d.n = :n;
