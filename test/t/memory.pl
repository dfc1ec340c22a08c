# A session that defines, and whose definitions' functions are altered, again
# and again does not grow.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('memory', 'workflow.max_executors = 0');
$node->safe_psql('postgres', q{
	GRANT pg_read_all_stats TO clerk;
	CREATE SCHEMA shop AUTHORIZATION clerk});
as($node, 'clerk', q{
	CREATE FUNCTION shop.is_large(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS $$ SELECT (context->>'n')::int > 10 $$;
	CREATE FUNCTION shop.through(context jsonb) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		-- its caller's expression is compiled anew while it runs
		IF context ? 'other' THEN
			ALTER FUNCTION shop.pass COST 100;
			PERFORM workflow.send((context->>'other')::uuid, 'press');
		END IF;
	END $$;
	CREATE FUNCTION shop.pass(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS 'SELECT shop.through(context)';
	CREATE FUNCTION shop.door(extra text) RETURNS int LANGUAGE sql AS $f$ SELECT workflow.define(format('{"id": "door", "initial": "shut", "context": {"n": 1},
		"states": {
			"shut": {"on": {"press": {"guard": {"type": "not", "guard": "shop.is_large"}, "actions": ["shop.pass",
				{"type": "assign", "context": {"n": {"@expr": "(context->>''n'')::int + 0"}}}]}}, "after": {"1 day": "open"}},
			"open": {}} %s}', extra)::json) $f$;
	SELECT shop.door('')});

# Bytes that the session holds after so many rounds of a command, and after ten
# times as many more. Short transactions: what they take is given back.
sub grown
{
	my ($rounds, $command) = @_;
	my $bytes = "SELECT sum(total_bytes) FROM pg_backend_memory_contexts;\n";
	my $do = sub {
		my ($n) = @_;
		return qq{DO \$do\$
			DECLARE
				a uuid := workflow.start('door');
				b uuid := workflow.start('door', jsonb_build_object('other', a));
			BEGIN
				FOR i IN 1..$n LOOP
					$command
					IF i % 50 = 0 THEN COMMIT; END IF;
				END LOOP;
			END \$do\$;\n};
	};
	my ($before, $after) = split /\n/, as($node, 'clerk', $do->($rounds) . $bytes . $do->(10 * $rounds) . $bytes);

	note("$before bytes, then $after");
	return $after - $before;
}

my $allowed = 200_000;
cmp_ok(grown(1000, q{PERFORM shop.door('');}), '<', $allowed, '10,000 define()s');
cmp_ok(grown(300, q{
		BEGIN
			PERFORM shop.door(', "on": {"x": {"guard": {"@expr": "1 +"}}, "y": {"guard": {"@expr": "true"}}}');
		EXCEPTION WHEN SQLSTATE 'WF007' THEN NULL;
		END;}), '<', $allowed, '3,000 that found faults');
cmp_ok(grown(1000, q{
		EXECUTE 'ALTER FUNCTION shop.is_large COST ' || 1 + i % 100;
		PERFORM workflow.send(a, 'press');}), '<', $allowed, '10,000 times an altered function');
cmp_ok(grown(100, q{
		PERFORM workflow.send(b, 'press');}), '<', $allowed, '1,000 times one that was altered while it ran');

$node->stop;
done_testing();
