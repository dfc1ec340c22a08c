# What Prometheus makes of workflow.metrics(): promtool accepts it, and a Prometheus that scrapes
# doc/clients/exporter.py has data for every expression of the board doc/grafana.json.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use HTTP::Tiny;
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use WorkflowTest;

my $doc = "$FindBin::Bin/../../doc";
my $temp = PostgreSQL::Test::Utils::tempdir;
my $main = $$;
my @alive;
END
{
	if ($$ == $main)
	{
		my $status = $?;
		kill 'TERM', @alive;
		waitpid($_, 0) foreach @alive;
		$? = $status;
	}
}

sub has_program { my ($name) = @_; return scalar grep { -x "$_/$name" } split /:/, $ENV{PATH}; }

my $node = workflow_node('metrics', "listen_addresses = '127.0.0.1'", 'workflow.max_attempts = 1');
$node->safe_psql('postgres', q{CREATE ROLE watcher LOGIN IN ROLE workflow_monitor; CREATE SCHEMA app AUTHORIZATION clerk});
as($node, 'clerk', q{
	CREATE FUNCTION app.work(params jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.02); RETURN params; END $$;
	CREATE FUNCTION app.spoil(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'spoilt'; END $$;
	SELECT workflow.create_job('work', 'app.work', parameters => '{"n": "int"}');
	SELECT workflow.create_queue('a "queue" \ of mine');
	SELECT workflow.create_job('outside', queue => 'a "queue" \ of mine');
	SELECT workflow.create_alert('late', 'lag');
	SELECT workflow.define('{"id": "short", "initial": "a", "states": {"a": {"after": {"10": "b"}}, "b": {"type": "final"}}}');
	SELECT workflow.define('{"id": "bad", "initial": "a", "states": {"a": {"after": {"10": {"target": "b", "actions": "app.spoil"}}, "on": {"go": "b"}}, "b": {"type": "final"}}}');
	CREATE PROCEDURE app.busy() LANGUAGE sql AS $$
		SELECT workflow.run_job('work', '{"n": 1}'); SELECT workflow.run_job('outside'); SELECT workflow.start('short'); SELECT workflow.start('bad') $$;
	CALL app.busy()});
wait_for($node, q{SELECT count(*) = 1 FROM workflow.runs WHERE state = 'finished'}, 'a run');
wait_for($node, q{SELECT count(*) = 1 FROM workflow.errors WHERE given_up}, 'a failure');
wait_for($node, q{SELECT count(*) = 1 FROM workflow.processes WHERE status = 'finalized'}, 'a process');

my $metrics = as($node, 'watcher', 'SELECT workflow.metrics()');
like($metrics, qr/^workflow_runs_finished_total\{queue="job:work",job="work"\} 1$/m, 'a counter');
like($metrics, qr/^workflow_runs_waiting\{queue="a \\"queue\\" \\\\ of mine",job="outside"\} 1$/m, 'labels are escaped');
like($metrics, qr/^workflow_run_duration_seconds_bucket\{queue="job:work",job="work",le="\+Inf"\} 1$/m, 'a histogram');
my ($status, $out, $warnings) = $node->psql('postgres', 'SELECT workflow.metrics()');
is($warnings, '', 'no warning');
my %seen;
$seen{$_}++ foreach $metrics =~ /^(\S+(?:\{.*\})?) /mg;
is(join(', ', grep { $seen{$_} > 1 && !/^#/ } sort keys %seen), '', 'each line once');

SKIP:
{
	skip 'promtool is not installed', 1 unless has_program('promtool');
	open(my $file, '>', "$temp/metrics") or die;
	print $file "$metrics\n";
	close $file;
	my $said = `promtool check metrics < $temp/metrics 2>&1`;
	is("$? $said", '0 ', 'promtool accepts it');
}

# The rules of doc/load.md
my ($rules) = slurp_file("$FindBin::Bin/../../doc/load.md") =~ /^```text\n(groups:.*?)^```/ms;
like($metrics, qr/^# TYPE $_ /m, "what a rule asks for: $_") foreach $rules =~ /(workflow_\w+)/g;
SKIP:
{
	skip 'promtool is not installed', 1 unless has_program('promtool');
	append_to_file("$temp/rules.yml", $rules);
	my $said = `promtool check rules $temp/rules.yml 2>&1`;
	is($?, 0, 'promtool accepts the rules') or diag($said);
}

SKIP:
{
	skip 'Prometheus is not installed', 1 unless has_program('prometheus');
	skip 'psycopg is not installed', 1 if system("/usr/bin/python3 -c 'import psycopg' 2>$temp/import.log") != 0;

	my ($exporter, $prometheus) = (PostgreSQL::Test::Cluster::get_free_port(), PostgreSQL::Test::Cluster::get_free_port());
	my $start = sub {
		my ($name, @command) = @_;
		my $pid = fork() // die "fork: $!";
		if ($pid == 0)
		{
			open(STDOUT, '>', "$temp/$name.log");
			open(STDERR, '>&', \*STDOUT);
			%ENV = (%ENV, PGHOST => '127.0.0.1', PGPORT => $node->port, PGDATABASE => 'postgres', PGUSER => 'watcher', PGSSLMODE => 'disable', PYTHONDONTWRITEBYTECODE => 1);
			exec { $command[0] } @command or POSIX::_exit(1);
		}
		push @alive, $pid;
	};
	open(my $file, '>', "$temp/prometheus.yml") or die;
	print $file "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: workflow\n  honor_labels: true\n  static_configs: [{targets: ['127.0.0.1:$exporter']}]\n";
	close $file;
	$start->('exporter', '/usr/bin/python3', "$doc/clients/exporter.py", $exporter);
	$start->('prometheus', 'prometheus', "--config.file=$temp/prometheus.yml", "--storage.tsdb.path=$temp/tsdb", "--web.listen-address=127.0.0.1:$prometheus");

	open(my $board, '<', "$doc/grafana.json") or die;
	my $panels = decode_json(do { local $/; <$board> })->{panels};
	my @expressions = map { $_->{expr} } map { @{ $_->{targets} } } @$panels;
	cmp_ok(scalar @expressions, '>', 20, 'expressions of the board');
	my (%data, $response);
	for (my $tries = $PostgreSQL::Test::Utils::timeout_default; $tries > 0 && keys %data < @expressions; $tries--)
	{
		as($node, 'clerk', 'CALL app.busy()');
		foreach my $expression (grep { !$data{$_} } @expressions)
		{
			my $query = $expression =~ s/\$__rate_interval/20s/gr;
			$query =~ s/([^A-Za-z0-9])/sprintf('%%%02X', ord $1)/ge;
			$response = HTTP::Tiny->new->get("http://127.0.0.1:$prometheus/api/v1/query?query=$query");
			next unless $response->{success};
			my $result = decode_json($response->{content})->{data}{result};
			# not a number is what there is before anything has begun
			$data{$expression} = 1 if grep { $_->{value}[1] ne 'NaN' } @$result;
		}
		usleep(1_000_000);
	}
	is(join("\n", grep { !$data{$_} } @expressions), '', 'each has data') or diag(PostgreSQL::Test::Utils::slurp_file("$temp/prometheus.log"));
}

$node->stop;
done_testing();
