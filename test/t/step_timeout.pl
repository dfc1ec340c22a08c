# step_timeout, and requests to cancel that meet it: from the client,
# pg_cancel_backend(), statement_timeout and lock_timeout. None of them is lost,
# nor taken for another one.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $own = 'canceling step due to "step_timeout" of its definition';
my $setting = 'canceling step due to workflow.step_timeout';
my $request = 'canceling statement due to user request';

my $node = workflow_node('step_timeout', 'workflow.max_attempts = 1', 'workflow.max_executors = 2');
my $library = test_library($node, 'deaf');
my $file = $node->data_dir . '/deaf';

$node->safe_psql('postgres', qq{
	CREATE SCHEMA shop AUTHORIZATION clerk;
	CREATE FUNCTION shop.deaf() RETURNS void LANGUAGE c AS '$library', 'deaf';
	CREATE FUNCTION shop.deaf_cancelled() RETURNS void LANGUAGE c AS '$library', 'deaf_cancelled';
	CREATE FUNCTION shop.deaf(context jsonb, event jsonb) RETURNS void LANGUAGE c AS '$library', 'deaf';
	CREATE FUNCTION shop.fail(context jsonb, event jsonb) RETURNS void LANGUAGE c AS '$library', 'deaf_failing'});

# A command runs the code that it brings, as long as its definition allows.
as($node, 'clerk', q{
	CREATE FUNCTION shop.run(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE event->'data'->>0; END $$;
	CREATE SEQUENCE shop.caught;
	CREATE FUNCTION shop.define(id text, step_timeout text) RETURNS void LANGUAGE sql AS $$
		SELECT workflow.define(jsonb_strip_nulls(jsonb_build_object('id', id, 'initial', 'a', 'step_timeout', step_timeout, 'states',
			'{"a": {"on": {"run": {"actions": "shop.run"}, "deaf": {"actions": "shop.deaf"}, "fail": {"actions": "shop.fail"}}}}'::jsonb))::text::json);
		SELECT FROM workflow.start(id, key => 'k') $$;
	SELECT shop.define('short', '100 ms'), shop.define('below', '800 ms'), shop.define('middle', '2 s'), shop.define('later', '5 s'), shop.define('long', '1 hour'), shop.define('free', NULL);
	-- try(command) runs it and tells how it ended
	CREATE FUNCTION shop.try(command text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE command;
		RETURN 'done';
	EXCEPTION WHEN query_canceled OR division_by_zero OR lock_not_available THEN
		PERFORM nextval('shop.caught');
		RETURN SQLSTATE || ': ' || SQLERRM;
	END $$});

my $quotes = 0;
sub run
{
	my ($definition, $code) = @_;
	my $quote = '$run' . $quotes++ . '$';
	return "SELECT workflow.send_by_key('$definition', 'k', 'run', jsonb_build_array($quote$code$quote))";
}

# Code that catches the errors of other code.
sub try
{
	my ($code) = @_;
	my $quote = '$try' . $quotes++ . '$';
	return "SELECT shop.try($quote$code$quote)";
}

# How a session fares that sends SQL, while things are done to it: the error, or
# what the SQL gives.
sub meets
{
	my ($sql, @deeds) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'clerk', '-v', 'VERBOSITY=verbose' ]);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');

	$session->query_until(qr/sent/, "\\echo sent\n$sql;\n");
	$_->($pid) foreach (@deeds);
	my $said = $session->query('');
	my ($error) = $session->{stderr} =~ /ERROR:  (.*)/;
	$session->{stderr} = '';
	is($session->query_safe('SELECT 1'), '1', '- and nothing is left of it');
	$session->quit;
	return $error // $said;
}
my $deaf = 'SELECT shop.deaf()';
my $cancelled = 'SELECT shop.deaf_cancelled()';
my $blind = q{SELECT workflow.send_by_key('short', 'k', 'deaf')};
my $sleep = 'SELECT pg_sleep(600)';
my $reached = sub { wait_for($node, "SELECT (pg_stat_file('$file', true)).size IS NOT NULL", 'the code to be reached') };
my $cancel = sub { my ($pid) = @_; is($node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)"), 't', '- cancelled'); };
my $go_on = sub { unlink $file or die "no $file: $!" };
# More than the time that code of "middle" has.
my $too_late = sub {
	my $start = $node->safe_psql('postgres', 'SELECT clock_timestamp()');
	wait_for($node, "SELECT clock_timestamp() > '$start'::timestamptz + '2.5 seconds'", 'the time to be over');
};
my $caught = sub { wait_for($node, q{SELECT is_called FROM shop.caught}, 'the error to be caught') };
my $forget = sub { as($node, 'clerk', q{ALTER SEQUENCE shop.caught RESTART}) };

#
# One of them
#
like(meets(run('short', $sleep)), qr/^57014: \Q$own/, 'the limit');
like(meets(run('short', try($sleep))), qr/^57014: \Q$own/, 'also if the code catches it');
like(meets($blind, $reached, $too_late, $go_on), qr/^57014: \Q$own/, 'or does not look');
like(meets(run('long', "$deaf; $sleep"), $reached, $cancel, $go_on), qr/^57014: \Q$request/, 'a request');
like(meets("SET statement_timeout = '1s'; " . run('long', $sleep) . '; RESET statement_timeout'),
	qr/^57014: canceling statement due to statement timeout/, 'statement_timeout');
$node->safe_psql('postgres', 'CREATE TABLE shop.locked (); GRANT ALL ON shop.locked TO clerk');
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE shop.locked');
my $lock = 'SELECT FROM shop.locked';
like(meets("SET lock_timeout = '1s'; " . run('long', $lock) . '; RESET lock_timeout'), qr/^55P03: canceling statement due to lock timeout/, 'lock_timeout');
like(meets("SET lock_timeout = '1h'; " . run('short', $lock) . '; RESET lock_timeout'), qr/^57014: \Q$own/, 'and a limit that comes before it');
$locker->quit;

# The code that catches it sees which it is.
as($node, 'clerk', 'CREATE TABLE shop.seen (error text)');
like(meets(run('short', 'INSERT INTO shop.seen ' . try($sleep) . '; SELECT error::int FROM shop.seen')),
	qr/^22P02: .*"57014: canceling step due to \\?"step_timeout\\?" of its definition"/, 'the code is told what it was');

#
# Two of them
#
like(meets(run('middle', "$cancelled; $sleep"), $reached, $too_late, $go_on), qr/^57014: \Q$request/, 'a request, then the limit');
like(meets($blind, $reached, $too_late, $cancel, $go_on), qr/^57014: \Q$request/, 'the limit, then a request, in code that does not look');
# The one that the server cannot tell from the other.
like(meets(run('short', "$deaf; $sleep"), $reached, $too_late, $cancel, $go_on), qr/^57014: /, '- in code that looks');
foreach my $definition ('short', 'middle')
{
	like(meets("SET statement_timeout = '1s'; " . run($definition, "$deaf; $sleep") . '; RESET statement_timeout', $reached, $too_late, $go_on),
		qr/^57014: canceling statement due to statement timeout/, "statement_timeout and the limit of \"$definition\"");
}

# Code that catches one and meets the other.
$forget->();
like(meets(run('short', try($sleep) . "; $sleep"), $caught, $cancel), qr/^57014: \Q$request/, 'a request after the limit was caught');
$forget->();
like(meets(run('short', try($sleep) . ';' . try($sleep)), $caught, $cancel), qr/^57014: \Q$request/, '- and caught itself');
$forget->();
like(meets(run('later', try("$cancelled; $sleep") . "; $sleep"), $reached, $go_on, $caught), qr/^57014: \Q$request/, 'the limit after a request was caught');

# Code that fails of itself before it looks.
my $fail = q{SELECT workflow.send_by_key('short', 'k', 'fail')};
like(meets($fail, $reached, $too_late, $go_on), qr/^22012: division by zero/, 'an error after the limit');
is(meets(try($fail), $reached, $too_late, $go_on), '22012: division by zero', '- that the caller catches');
like(meets(try($fail), $reached, $too_late, $cancel, $go_on), qr/^57014: \Q$request/, '- and then hears of a request');

#
# One step inside of another
#
as($node, 'clerk', 'TRUNCATE shop.seen');
like(meets(run('long', 'INSERT INTO shop.seen ' . try(run('short', $sleep)))), qr/^\(t,/, 'a step that catches the limit of another goes on');
is(as($node, 'clerk', 'SELECT error FROM shop.seen'), "57014: $own", '- and has seen it');

$node->append_conf('postgresql.conf', "workflow.step_timeout = '1s'");
$node->reload;
wait_for($node, q{SELECT setting = '1000' FROM pg_settings WHERE name = 'workflow.step_timeout'});
like(meets(run('free', $sleep)), qr/^57014: \Q$setting/, 'the limit of the setting');
like(meets(run('free', run('below', 'SELECT 1') . "; $sleep")), qr/^57014: \Q$setting/, '- after a step of one with a limit of its own');
like(meets(run('free', run('long', $sleep))), qr/^57014: \Q$setting/, '- and inside of it');
like(meets(run('free', try(run('long', $sleep)))), qr/^57014: \Q$setting/, '- which the code of the outer one catches in vain');

#
# In an executor
#
sub fails_with
{
	my ($definition, $message, $what) = @_;
	wait_for($node, "SELECT count(*) = 1 FROM workflow.errors WHERE definition = '$definition'", "an error of $definition");
	return is($node->safe_psql('postgres', "SELECT sqlstate || ': ' || message FROM workflow.errors WHERE definition = '$definition'"), "57014: $message", $what);
}
sub post
{
	my ($definition, $code) = @_;
	(my $sql = run($definition, $code)) =~ s/send_by_key/post_by_key/;
	return as($node, 'clerk', $sql);
}

post('short', try($sleep));
fails_with('short', $own, 'a limit, in an executor');
post('free', $sleep);
fails_with('free', $setting, 'the limit of the setting');
post('long', $sleep);
wait_for($node, q{SELECT count(pg_cancel_backend(pid)) = 1 FROM pg_stat_activity WHERE backend_type = 'workflow executor' AND wait_event = 'PgSleep'}, 'an executor that sleeps');
fails_with('long', $request, 'a request');
as($node, 'clerk', q{SELECT shop.define('other', '1 hour')});
post('other', 'INSERT INTO shop.seen VALUES ($$done$$)');
wait_for($node, q{SELECT count(*) = 1 FROM shop.seen WHERE error = 'done'}, 'an executor to go on');

$node->stop;
done_testing();
