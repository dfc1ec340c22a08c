# Random cron expressions and rules recur when others say so: cron-parser and
# rrule, two packages for node, in twenty time zones, many of them at a change
# of the clocks. What a change means is computed a second time, in
# test/node/recurrence.mjs; and where cron-parser, asked in the zone itself,
# says something else, the clocks are changed just then.
#
# From the environment: WORKFLOW_NODE, a directory with what
# test/node/package.json asks for; WORKFLOW_RECURRENCES, how many cron
# expressions and how many rules, "1000 300" if it is not set, and a number
# from which chance begins.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use File::Copy;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $tools = $ENV{WORKFLOW_NODE};
plan skip_all => 'needs WORKFLOW_NODE, see test/setup' unless defined $tools;
my ($crons, $rules, $seed) = split ' ', $ENV{WORKFLOW_RECURRENCES} // '1000 300';
$seed //= 1;

# By an hour, by half an hour, by two, at midnight, by a day; in Ramadan; once; never.
my @zones = qw(
  Europe/Berlin Europe/London Europe/Lisbon Europe/Moscow Africa/Cairo Africa/Casablanca
  America/New_York America/Los_Angeles America/St_Johns America/Sao_Paulo America/Havana
  America/Santiago America/Caracas Asia/Amman Asia/Kolkata Asia/Tehran Australia/Lord_Howe
  Australia/Sydney Pacific/Apia Pacific/Chatham Antarctica/Troll UTC);

my $node = PostgreSQL::Test::Cluster->new('recurrence');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'workflow'\nworkflow.max_executors = 0\nfsync = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION workflow');

# Lines of JSON that our program prints, as a table.
sub load
{
	my ($table, @arguments) = @_;
	my $file = "$tools/$table.json";

	# Modules are looked for beside the program.
	copy("$FindBin::Bin/../node/recurrence.mjs", "$tools/recurrence.mjs") or die "cannot copy: $!";
	run_log([ 'node', "$tools/recurrence.mjs", @arguments ], '>', $file) or die "node failed\n";
	$node->safe_psql('postgres', "CREATE TABLE $table (id int GENERATED ALWAYS AS IDENTITY, line jsonb)");
	$node->safe_psql('postgres', "\\copy $table (line) FROM '$file' WITH (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02')");
	return;
}

sub ask { my ($sql) = @_; return $node->safe_psql('postgres', $sql); }

# ---- zones: where node and PostgreSQL have other data, nothing can be compared

load('zone', 'zones', @zones);
ask(q{CREATE VIEW change AS
	SELECT line->>'zone' AS zone, to_timestamp((c->>0)::bigint) AS at, make_interval(secs => (c->>1)::int) AS before,
	       make_interval(secs => (c->>2)::int) AS after
	FROM zone CROSS JOIN jsonb_array_elements(line->'changes') c});
my %other = map { $_ => 1 } split /\n/, ask(q{
	SELECT DISTINCT zone FROM change
	WHERE (at - interval '1 second') AT TIME ZONE zone <> (at - interval '1 second') AT TIME ZONE 'UTC' + before
	   OR at AT TIME ZONE zone <> at AT TIME ZONE 'UTC' + after});
note("left out, as node and PostgreSQL know other changes of the clocks: @{[sort keys %other]}") if %other;
@zones = grep { !$other{$_} } @zones;
cmp_ok(scalar(@zones), '>=', 15, 'enough zones can be compared');

# ---- cases

note("$crons cron expressions, $rules rules, seed $seed");
load('case_of', 'cases', $seed, $crons, $rules, @zones);

ask(q{
CREATE FUNCTION instants(list jsonb, until bigint) RETURNS timestamptz[] LANGUAGE sql AS $$
	SELECT coalesce(array_agg(to_timestamp(x::bigint) ORDER BY x::bigint), '{}') FROM jsonb_array_elements_text(list) x WHERE x::bigint <= until
$$;
CREATE TABLE result AS
SELECT id, line->>'kind' AS kind, line->>'zone' AS zone, instants(line->'expected', known) AS expected,
       instants(line->'theirs', known) AS theirs, ours, line - 'expected' - 'theirs' AS said
FROM case_of
CROSS JOIN LATERAL (SELECT (line->>'known')::bigint) k(known)
CROSS JOIN LATERAL (
	SELECT coalesce(array_agg(t ORDER BY t) FILTER (WHERE t <= to_timestamp(known)), '{}')
	FROM workflow.preview_schedule(cron => CASE line->>'kind' WHEN 'cron' THEN line->>'text' END,
	         rule => CASE line->>'kind' WHEN 'rule' THEN line->>'text' END, zone => line->>'zone',
	         from_at => to_timestamp((line->>'from')::bigint), n => (line->>'n')::int,
	         starts => to_timestamp((line->>'starts')::bigint), gap => line->>'gap', fold => line->>'fold') t) o(ours)});

foreach my $kind ([ cron => $crons, 'cron-parser' ], [ rule => $rules, 'rrule' ])
{
	my ($name, $n, $package) = @$kind;

	cmp_ok(ask(qq{SELECT count(*) FROM result WHERE kind = '$name' AND cardinality(expected) > 0}), '>', 0.9 * $n, "$name: there is something to compare");
	is(ask(qq{SELECT said, ours, expected FROM result WHERE kind = '$name' AND ours <> expected ORDER BY id LIMIT 5}), '',
		"$name: as $package has it, and the manual a change of the clocks");
}
cmp_ok(ask(q{SELECT count(DISTINCT (zone, at)) FROM result JOIN change USING (zone)
	WHERE at BETWEEN expected[1] - interval '1 day' AND expected[cardinality(expected)]}), '>=', 200, 'many changes of the clocks lie in between');

if ($crons >= 10000)
{
	is(ask(q{SELECT c.zone, c.at FROM change c
		WHERE c.at >= '2000-01-01' AND c.at < '2060-12-31' AND NOT EXISTS (SELECT FROM case_of l WHERE line->>'zone' = c.zone
			AND c.at - to_timestamp((line->>'from')::bigint) BETWEEN '0' AND '30 hours') ORDER BY 1, 2 LIMIT 5}), '', 'shortly before each change a case begins');
}

# ---- what cron-parser makes of a change of the clocks

ask(q{
CREATE TABLE difference AS
SELECT id, zone, t, t = ANY (ours) AS is_ours, said,
       (SELECT CASE WHEN c.after > c.before THEN 'gap' ELSE 'fold' END FROM change c
        WHERE c.zone = r.zone AND t BETWEEN c.at - interval '3 hours' AND c.at + interval '3 hours' + greatest(c.after - c.before, '0') LIMIT 1) AS explained
FROM result r
CROSS JOIN LATERAL (SELECT unnest(ours || theirs) AS t) u
WHERE cardinality(theirs) > 0 AND (t = ANY (ours)) <> (t = ANY (theirs)) AND t <= least(ours[cardinality(ours)], theirs[cardinality(theirs)])});
note('cron-parser in the zone: ' . ask(q{SELECT count(*) FROM result WHERE cardinality(theirs) > 0}) . ' cases, other times at a '
	. join(', ', map { s/\|/: /r } split /\n/, ask(q{SELECT coalesce(explained, 'other time'), count(*) FROM difference GROUP BY 1 ORDER BY 1})));
is(ask(q{SELECT said, t, is_ours FROM difference WHERE explained IS NULL ORDER BY id LIMIT 5}), '', 'only where the clocks are changed does cron-parser say something else');

# ---- what is hostile: refused, or found in 10 ms

# Parts that hardly ever meet, in any order of magnitude.
my %parts = (
	INTERVAL => [ 0.7, qw(2 3 7 25 28 31 59 61 97 365 366 1000 1461 3599 3601 86399 86401 604801 999983 100000007 2147483647) ],
	BYMONTH => [ 0.5, qw(2 2 4 12) ],
	BYMONTHDAY => [ 0.4, qw(29 30 31 -29 -30 -31), join(',', map { -$_ } 1 .. 31) ],
	BYYEARDAY => [ 0.3, qw(366 -366 1 59 60), join(',', map { -$_ } 1 .. 300) ],
	BYWEEKNO => [ 0.2, qw(53 -53 5 9 20), join(',', map { -$_ } 1 .. 53) ],
	BYDAY => [ 0.4, qw(MO SU WE 5SU -5MO 1SU), join(',', map { "-${_}SU" } 1 .. 5) ],
	BYHOUR => [ 0.5, qw(0 3 23) ],
	BYMINUTE => [ 0.5, qw(0 1 30 59) ],
	BYSECOND => [ 0.5, qw(0 1 30 59) ],
	BYSETPOS => [ 0.3, qw(1 -1 5 17 366 -366), join(',', map { -$_ } 1 .. 200) ],
	COUNT => [ 0.3, qw(9999 10000 10000 1000000 2147483647) ]);
my @frequencies = qw(YEARLY MONTHLY WEEKLY DAILY DAILY HOURLY MINUTELY SECONDLY SECONDLY);

sub hostile
{
	my @texts = 'FREQ=' . $frequencies[ rand @frequencies ];

	foreach my $part (sort keys %parts)
	{
		my ($likely, @values) = @{ $parts{$part} };

		push @texts, "$part=" . $values[ rand @values ] if rand() < $likely;
	}
	return join(';', @texts);
}

srand($seed);
my @hostile = map { hostile() } 1 .. 5 * $crons;
my @starts = qw(2026-01-01 0001-01-01 2000-02-29T03:00:01 1900-03-01);

# The machine may be busy: where it is, the time of the processor counts.
ask(q{
CREATE FUNCTION cpu_ms() RETURNS float LANGUAGE sql AS $$ SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float / 1e6 $$;
CREATE FUNCTION ends(rule text, starts timestamptz) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM FROM workflow.preview_schedule(rule => rule, zone => 'Europe/Berlin', starts => starts, from_at => starts, n => 1);
	RETURN 'found';
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN 'refused';
END $$;
CREATE FUNCTION took(rule text, starts timestamptz, OUT ms float, OUT outcome text) LANGUAGE plpgsql AS $$
DECLARE
	began timestamptz := clock_timestamp();
	spent float;
BEGIN
	outcome := ends(rule, starts);
	ms := extract(epoch FROM clock_timestamp() - began) * 1000;
	IF ms >= 5 THEN
		-- of which others on the same machine take their part, now and then
		FOR i IN 1 .. 5 LOOP
			spent := - cpu_ms();
			PERFORM ends(rule, starts) FROM generate_series(1, 10);
			spent := (spent + cpu_ms()) / 10;
			ms := CASE i WHEN 1 THEN spent ELSE least(ms, spent) END;
			EXIT WHEN ms < 10;
		END LOOP;
	END IF;
END $$;
CREATE TABLE hostile (rule text, starts timestamptz)});
ask('INSERT INTO hostile VALUES ' . join(', ', map { "('$hostile[$_]', '$starts[$_ % 4]')" } 0 .. $#hostile));
ask('CREATE TABLE ended AS SELECT h.*, t.* FROM hostile h CROSS JOIN LATERAL took(h.rule, h.starts) t');
note('hostile rules: ' . join(', ', map { s/\|/: /r } split /\n/, ask(q{SELECT outcome, count(*) || ', ' || round(max(ms)::numeric, 1) || ' ms at most' FROM ended GROUP BY 1 ORDER BY 1})));
cmp_ok(ask(q{SELECT count(*) FROM ended WHERE outcome = 'found'}), '>', 0.05 * @hostile, 'not all hostile rules are refused');
is(ask('SELECT rule, starts, ms FROM ended WHERE ms >= 10 ORDER BY ms DESC LIMIT 5'), '', 'a hostile rule is refused, or found, within 10 ms');

$node->stop('fast');
done_testing();
