# A year of schedules, by the clock of the tests, which jumps irregularly, with the server
# stopped at each jump, hard or not, also in the middle of what was missed. On the way the
# database goes on in four places: where it began, in a copy that was restored from a dump, in
# a standby that is promoted, and in a cluster to which pg_upgrade has brought it; and one that
# was updated from 0.2.0 goes along. In each: of a schedule that catches up with all, each
# occurrence is made, once; of one that makes one for all, the last one before each jump; of one
# that makes none, those that are in time; and nothing piles up.
#
# When occurrences are is said here by other means: a list of all days and hours.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $seed = $ENV{WORKFLOW_SEED} // 1;
note("seed $seed (WORKFLOW_SEED)");
srand($seed);

my $BEGIN = 2208990600;    # 2040-01-01 00:30:00+00
my $END = 2240611200;    # 2041-01-01 00:00:00+00, and the clocks change on 25 March and 28 October
my $clock = $BEGIN;

my $settings = q{
shared_preload_libraries = 'workflow'
max_worker_processes = 32
workflow.max_executors = 6
workflow.runtime_idle_timeout = 1s
workflow.sweep_interval = 1h
timezone = 'UTC'
};

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', $settings);

# --- places --------------------------------------------------------------------------------------

# Where schedules go on: a database of a server, and the jumps that it has seen.
my @places;

sub set_clock
{
	my ($server) = @_;

	$server->append_conf('postgresql.conf', "workflow.test_clock = '" . gmtime_of($clock) . "'");
	return;
}

sub gmtime_of
{
	my ($time) = @_;
	my ($s, $m, $h, $d, $month, $y) = gmtime($time);

	return sprintf('%04d-%02d-%02d %02d:%02d:%02d+00', $y + 1900, $month + 1, $d, $h, $m, $s);
}

# All that was missed is made, and what was made is done.
sub settle
{
	my ($place) = @_;
	my $suspended = q{FROM workflow.schedules WHERE suspended_at IS NOT NULL};

	# one that was under way at three hard stops in a row is suspended, and somebody looks at it
	do
	{
		$place->{node}->safe_psql($place->{database}, "DO 'BEGIN PERFORM workflow.resume_schedule(name) $suspended; END'");
		wait_for_in($place->{node}, $place->{database}, q{SELECT (SELECT bool_and(due IS NULL OR due > now.t) FROM workflow.schedules)
			AND NOT EXISTS (SELECT FROM workflow.runs WHERE job = 'mark' AND state IN ('waiting', 'running'))
			FROM (SELECT current_setting('workflow.test_clock')::timestamptz AS t) now}, "what is due in $place->{name} at " . gmtime_of($clock));
	} until $place->{node}->safe_psql($place->{database}, "SELECT count(*) $suspended") == 0;
	push @{ $place->{jumps} }, $clock;
	return;
}

# Let time go by: from twenty minutes to some weeks, now and then to a full hour.
sub jump
{
	my ($to, @servers) = @_;

	$to //= $clock + int(exp(rand(log(20 * 86400) - log(1200)) + log(1200)));
	$to -= $to % 3600 - int(rand(50)) if rand() < 0.4 && $to - $to % 3600 > $clock;
	$clock = $to;
	foreach my $server (@servers)
	{
		$server->stop(rand() < 0.5 ? 'immediate' : 'fast');
		set_clock($server);
		$server->start;
		foreach my $i (1 .. int(rand(3)))
		{
			select(undef, undef, undef, rand(0.3));
			$server->restart if rand() < 0.3;
			$server->stop('immediate');
			$server->start;
		}
	}
	foreach my $place (@places)
	{
		next unless grep { $_ == $place->{node} } @servers;
		settle($place);
		is(piles($place), '', "nothing piles up in $place->{name} at " . gmtime_of($clock));
	}
	return;
}

# --- what is to be made --------------------------------------------------------------------------

my $objects = q{
	CREATE TABLE shop.mark (name text, at timestamptz, made timestamptz DEFAULT clock_timestamp());
	CREATE VIEW shop.time (name, at) AS
		SELECT 'hours', h FROM generate_series('2040-01-01 01:00+00'::timestamptz, '2041-01-01 00:00+00', '1 hour') h
		UNION ALL
		SELECT 'nights', (CASE d WHEN '2040-03-25' THEN d + time '03:00' ELSE d + time '02:30' END) AT TIME ZONE 'Europe/Vienna'
			- CASE d WHEN '2040-10-28' THEN interval '1 hour' ELSE '0' END
		FROM generate_series('2040-01-01'::date, '2040-12-31', '1 day') g, CAST(g AS date) d
		UNION ALL
		SELECT '31sts', d + time '12:00' AT TIME ZONE 'UTC' FROM generate_series('2040-01-01'::date, '2040-12-31', '1 day') g, CAST(g AS date) d
		WHERE extract(day FROM d) = 31
		UNION ALL
		SELECT 'ends', d + time '09:00' AT TIME ZONE 'UTC' FROM generate_series('2040-01-01'::date, '2040-12-31', '1 day') g, CAST(g AS date) d
		WHERE extract(day FROM d + 1) = 1;
	SELECT workflow.create_job('mark', 'INSERT INTO shop.mark (name, at) VALUES ($name, $at)', '{"name": "text", "at": "timestamptz"}');
	SELECT workflow.create_job('outside');
	SELECT workflow.define('{"id": "long", "initial": "a", "states": {"a": {"on": {"end": "b"}}, "b": {"type": "final"}}}')};

# What catches up with all of it, and what does not; the latter at each hour.
my %all = (
	hours => q{cron => '0 * * * *', zone => 'UTC'},
	nights => q{cron => '30 2 * * *', zone => 'Europe/Vienna'},
	'31sts' => q{rule => 'FREQ=MONTHLY;BYMONTHDAY=31;BYHOUR=12;BYMINUTE=0;BYSECOND=0', zone => 'UTC'},
	ends => q{every => '1 month', starts => '2040-01-31 09:00+00', zone => 'UTC'});
my %some = (
	one => q{'mark', catch_up => 'one', params => '{"name": "$schedule", "at": "$scheduled_at"}'},
	none => q{'mark', catch_up => 'none', params => '{"name": "$schedule", "at": "$scheduled_at"}'},
	skipped => q{'outside', overlap => 'skip'},
	queued => q{'outside', overlap => 'queue'},
	replaced => q{'outside', overlap => 'cancel'},
	'skipped process' => q{definition => 'long', overlap => 'skip'},
	'queued process' => q{definition => 'long', overlap => 'queue'},
	'replaced process' => q{definition => 'long', overlap => 'cancel'});
# So many that are not over may there be.
my %most = (one => 1, none => 1, skipped => 1, queued => 2, replaced => 1, 'skipped process' => 1, 'queued process' => 1, 'replaced process' => 1);

sub begin_in
{
	my ($server, $database) = @_;

	$server->safe_psql($database, 'CREATE SCHEMA shop; GRANT ALL ON SCHEMA shop TO clerk');
	as($server, 'clerk', $objects, $database);
	as($server, 'clerk', qq{SELECT workflow.create_schedule('$_', 'mark', $all{$_}, catch_up => 'all', params => '{"name": "\$schedule", "at": "\$scheduled_at"}')}, $database)
	  foreach sort keys %all;
	as($server, 'clerk', qq{SELECT workflow.create_schedule('$_', $some{$_}, cron => '0 * * * *', zone => 'UTC')}, $database) foreach sort keys %some;
	return;
}

# Schedules of which more is waiting or under way than may be.
sub piles
{
	my ($place) = @_;
	my $most = join ', ', map { "('$_', $most{$_})" } sort keys %most;

	return $place->{node}->safe_psql($place->{database}, qq{
		SELECT m.name, a.n FROM (VALUES $most) m(name, n) JOIN (
			SELECT actor, count(*) AS n FROM workflow.runs WHERE state IN ('waiting', 'running', 'aborting') GROUP BY 1
			UNION ALL
			SELECT 'schedule:' || split_part(key, '\@', 1), count(*) FROM workflow.processes WHERE status NOT IN ('finalized', 'terminated') GROUP BY 1) a
		ON a.actor = 'schedule:' || m.name WHERE a.n > m.n});
}

# The hours that are made of one for all that was missed, and of none.
sub hours_of
{
	my ($place, $late) = @_;
	my ($last, @hours) = ($BEGIN);

	foreach my $time (@{ $place->{jumps} })
	{
		my $hour = $time - $time % 3600;

		push @hours, $hour if $hour > $last && $time - $hour <= $late;
		$last = $time;
	}
	return join ' ', @hours;
}

sub told
{
	my ($place, $name) = @_;

	return $place->{node}->safe_psql($place->{database},
		"SELECT coalesce(string_agg(extract(epoch FROM at)::bigint::text, ' ' ORDER BY at), '') FROM shop.mark WHERE name = '$name'");
}

sub check_place
{
	my ($place) = @_;
	my $names = join ', ', map { "'$_'" } sort keys %all;
	my $now = gmtime_of($place->{jumps}[-1]);

	is($place->{node}->safe_psql($place->{database}, qq{
		SELECT name, at, n FROM (SELECT name, at, count(*) AS n FROM shop.mark WHERE name IN ($names) GROUP BY 1, 2) m
		FULL JOIN (SELECT * FROM shop.time WHERE at <= '$now') t USING (name, at)
		WHERE m.n IS DISTINCT FROM 1 OR t.at IS NULL ORDER BY 1, 2 LIMIT 5}), '', "each occurrence is made once in $place->{name}");
	is(told($place, 'one'), hours_of($place, 1e9), "one for all that was missed in $place->{name}");
	is(told($place, 'none'), hours_of($place, 60), "or none in $place->{name}");
	is($place->{node}->safe_psql($place->{database}, q{SELECT count(*) = count(DISTINCT key) AND count(*) = count(key) FROM (
		SELECT key FROM workflow.runs WHERE actor LIKE 'schedule:%' UNION ALL SELECT key FROM workflow.processes WHERE definition = 'long') k}), 't', "each has a key of its own in $place->{name}");
	is($place->{node}->safe_psql($place->{database}, q{SELECT string_agg(problem, ', ') FROM workflow.check()}), '', "everything fits together in $place->{name}");
	return;
}

sub place_of
{
	my ($name, $server, $database, @jumps) = @_;
	my $place = { name => $name, node => $server, database => $database, jumps => \@jumps };

	push @places, $place;
	return $place;
}

# --- the year ------------------------------------------------------------------------------------

set_clock($node);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION workflow');
workflow_role($node, 'clerk');
begin_in($node, 'postgres');
my $first = place_of('the first database', $node, 'postgres');

# One that was made by 0.2.0, where there were no schedules, with a process that goes through.
$node->safe_psql('postgres', 'CREATE DATABASE updated');
$node->safe_psql('updated', q{CREATE EXTENSION workflow VERSION '0.2.0'});
as($node, 'clerk', q{SELECT workflow.define('{"id": "old", "initial": "a", "states": {"a": {"after": {"30 days": "b"}}, "b": {"type": "final"}}}');
	SELECT workflow.start('old')}, 'updated');
$node->safe_psql('updated', 'ALTER EXTENSION workflow UPDATE');
begin_in($node, 'updated');
my $updated = place_of('the updated database', $node, 'updated');

jump(undef, $node) foreach 1 .. 5;
jump(2216250600, $node) if $clock < 2216250600;    # 2040-03-25 01:10+00: ten minutes after the clocks went forward
check_place($_) foreach $first, $updated;
is($node->safe_psql('updated', q{SELECT status FROM workflow.processes WHERE definition = 'old'}), 'finalized', 'what 0.2.0 has begun has ended in time');

# A copy, which waits to be adopted.
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, 'postgres' ], 'a dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'pg_restore', '-d', 'copy', $dump ], 'is restored');
jump(undef, $node) foreach 1 .. 2;
my $before = $node->safe_psql('copy', 'SELECT count(*) FROM shop.mark');
$node->safe_psql('copy', 'SELECT workflow.adopt()');
my $copy = place_of('the copy', $node, 'copy', grep { $_ <= $first->{jumps}[-3] } @{ $first->{jumps} });
settle($copy);
cmp_ok($node->safe_psql('copy', 'SELECT count(*) FROM shop.mark'), '>', $before, 'when it is adopted it makes up for what it missed');
jump(undef, $node) foreach 1 .. 2;
check_place($_) foreach $first, $updated, $copy;
$node->safe_psql('postgres', 'DROP DATABASE copy');
@places = ($first, $updated);

# A standby, whose primary ends without a word.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
jump(undef, $node);
$node->wait_for_catchup($standby);
$node->stop('immediate');
set_clock($standby);
$standby->restart;
$standby->promote;
$_->{node} = $standby foreach $first, $updated;
jump(undef, $standby);
jump(2235006000, $standby) if $clock < 2235006000;    # 2040-10-28 03:00+00
check_place($_) foreach $first, $updated;

# A cluster that pg_upgrade fills: there, nothing runs before adopt().
$standby->stop('fast');
my $upgraded = PostgreSQL::Test::Cluster->new('upgraded');
$upgraded->init;
$upgraded->append_conf('postgresql.conf', $settings);
set_clock($upgraded);
{
	my $bindir = $node->config_data('--bindir');
	my $place = PostgreSQL::Test::Utils::tempdir();

	chdir $place or die "cannot enter $place: $!";
	command_ok([ "$bindir/pg_upgrade", '-b', $bindir, '-B', $bindir, '-d', $standby->data_dir, '-D', $upgraded->data_dir, '-U', scalar getpwuid($<),
			'-p', $standby->port, '-P', $upgraded->port, '-s', $place ], 'pg_upgrade');
	chdir $FindBin::Bin or die "cannot leave $place: $!";
}
$upgraded->start;
$_->{node} = $upgraded foreach $first, $updated;
$clock += 4 * 3600;
$upgraded->stop('fast');
set_clock($upgraded);
$upgraded->start;
$before = $upgraded->safe_psql('postgres', 'SELECT count(*) FROM shop.mark');
$upgraded->safe_psql('postgres', 'SELECT pg_sleep(1)');
is($upgraded->safe_psql('postgres', 'SELECT count(*) FROM shop.mark'), $before, 'an upgraded cluster waits');
$upgraded->safe_psql($_->{database}, 'SELECT workflow.adopt()') foreach $first, $updated;
settle($_) foreach $first, $updated;
jump(undef, $upgraded) foreach 1 .. 2;
jump($END, $upgraded);
check_place($_) foreach $first, $updated;
is($upgraded->safe_psql('postgres', q{SELECT string_agg(name || ' ' || n, ', ' ORDER BY name) FROM (
	SELECT name, count(*) AS n FROM shop.mark WHERE name NOT IN ('one', 'none') GROUP BY 1) m}), '31sts 7, ends 12, hours 8784, nights 366', 'it was a year');
$upgraded->stop;
done_testing();
