# Results that are kept of jobs, with executors: runs renew what calls get, also what a
# worker and a tracked procedure have done; what is too old, too much or nobody's is
# deleted; a crash takes away what was not committed, and nothing else.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('job_cache', 'workflow.max_executors = 2', 'workflow.sweep_interval = 1s');

$node->safe_psql('postgres', 'CREATE SCHEMA shop AUTHORIZATION clerk');
as($node, 'clerk', q{
	CREATE SEQUENCE shop.done;
	CREATE PROCEDURE shop.slow(params jsonb) LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('shop.done'); COMMIT; END $$;
	SELECT workflow.create_job('price', 'SELECT $of || '' #'' || nextval(''shop.done'')', cache => '{"max_entries": 3}', result => 'text'),
		workflow.create_job('slow', 'shop.slow', mode => 'tracked', cache => '{}', result => 'text'),
		workflow.create_job('short', 'SELECT $of || '' short''', cache => '{"max_age": "1 second"}', result => 'text'),
		workflow.create_job('fresh', 'SELECT $of || '' #'' || nextval(''shop.done'')', cache => '{"refresh_age": "1 second"}', result => 'text')});

sub call
{
	my ($job, $of) = @_;

	return as($node, 'clerk', "SELECT workflow.call_job('$job', '{\"of\": \"$of\"}')");
}

sub run
{
	my ($job, $params) = @_;

	as($node, 'clerk', "SELECT workflow.run_job('$job', '$params') AS run \\gset\nCALL workflow.await_run(ARRAY[:'run']::uuid[])");
	return;
}

my $kept = q{SELECT string_agg(params->>'of' || ' ' || COALESCE(result #>> '{}', ''), ', ' ORDER BY id) FROM workflow.job_cache c
	WHERE EXISTS (SELECT FROM workflow.job j WHERE j.id = c.job AND j.name = '%s')};

sub kept
{
	my ($job) = @_;

	return $node->safe_psql('postgres', sprintf($kept, $job));
}

# Housekeeping deletes something: a runtime comes for it when it is woken.
sub goes
{
	my ($query, $what) = @_;

	wait_for($node, "SELECT woken IS NOT NULL AND ($query) FROM workflow.wake() woken", "$what is deleted");
	ok(1, "$what is deleted");
	return;
}

is(call('price', 'apple'), '"apple #1"', 'a call does it');
run('price', '{"of": "apple"}');
is(call('price', 'apple'), '"apple #2"', 'the run of an executor renews it');
run('slow', '{"of": "tracked"}');
is(call('slow', 'tracked'), '', 'so does a procedure, whose result is null');
is(kept('slow'), 'tracked ', 'which is kept');

# a crash: what was committed is there, and nothing else
my $one = $node->background_psql('postgres', on_error_stop => 1, extra_params => [ '-U', 'clerk' ]);
is($one->query_safe(q{BEGIN; SELECT workflow.call_job('price', '{"of": "pear"}')}), '"pear #4"', 'a call that is not committed');
$node->stop('immediate');
$node->start;
is(kept('price'), 'apple apple #2', 'it is gone with the crash');
like(call('price', 'pear'), qr/^"pear #\d+"$/, 'and can be done again');

# deletion: what is too old; what is too much; what is of nobody
is(call('short', 'milk'), '"milk short"', 'what is good for a second');
goes(sprintf("SELECT ($kept) IS NULL", 'short'), 'it');
$node->safe_psql('postgres', q{INSERT INTO workflow.job_cache (job, id, hash, owner, params)
	SELECT c.job, gen_random_uuid(), n, c.owner, jsonb_build_object('of', n::text)
	FROM (SELECT * FROM workflow.job_cache WHERE params->>'of' = 'pear') c, generate_series(1, 2500) n});
goes(q{SELECT count(*) = 3 FROM workflow.job_cache c JOIN workflow.job j ON j.id = c.job AND j.name = 'price'}, 'what is too much');
$node->safe_psql('postgres', q{UPDATE workflow.job_cache SET owner = -1 WHERE result IS NULL});
goes(q{SELECT NOT EXISTS (SELECT FROM workflow.job_cache WHERE owner = -1)}, 'what another owner has left');
# one who holds what is deleted with the version: it stays, of nobody
run('slow', '{"of": "held"}');
my $two = $node->background_psql('postgres', on_error_stop => 1);
$two->query_safe(q{BEGIN; SELECT count(*) FROM (SELECT FROM workflow.job_cache FOR UPDATE) l});
as($node, 'clerk', q{SELECT workflow.create_job('slow', 'shop.slow', mode => 'tracked', cache => '{"max_entries": 5}', result => 'text')});
like(kept('slow'), qr/held/, 'a row that somebody holds stays when the job changes, and nobody waits');
$two->query_safe('COMMIT');
goes(sprintf("SELECT ($kept) IS NULL", 'slow'), 'it');

# renewal
my $first = call('fresh', 'fish');
for my $i (1 .. 200)
{
	last if call('fresh', 'fish') ne $first;
	$node->safe_psql('postgres', 'SELECT pg_sleep(0.1)');
}
isnt(call('fresh', 'fish'), $first, 'a call of what is older makes a run, which renews it');

# a dump does without
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'a dump');
like(slurp_file($dump), qr/COPY workflow\.job_cache [^\n]*\n\\\.\n/, 'has nothing of what is kept');
is($node->safe_psql('postgres', 'SELECT count(*) FROM workflow.check()'), 0, 'all fits together');

done_testing();
