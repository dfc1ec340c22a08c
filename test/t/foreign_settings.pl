# Settings of a session do not reach code of another role: whatever the session,
# its client or its role has set, an action finds what the server and the
# database have.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('foreign', 'workflow.max_executors = 0', 'cursor_tuple_fraction = 0.3', 'seq_page_cost = 1.123456789',
	'geqo_threshold = 13', 'pg_trgm.similarity_threshold = 0.4');
workflow_role($node, $_) foreach qw(guest plain);
$node->safe_psql('postgres', q{
	CREATE EXTENSION pg_trgm;
	CREATE SCHEMA shop AUTHORIZATION clerk;
	ALTER DATABASE postgres SET join_collapse_limit = 3;
	ALTER ROLE ALL SET from_collapse_limit = 5;
	ALTER ROLE ALL IN DATABASE postgres SET geqo_effort = 4});
as($node, 'clerk', q{
	CREATE FUNCTION shop.look(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS
		$$ SELECT jsonb_object_agg(name, setting) FROM pg_settings WHERE context = 'user' AND name !~ '^transaction_|^search_path$' $$;
	CREATE FUNCTION shop.get(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS
		$$ SELECT jsonb_object_agg(n, current_setting(n, true)) FROM jsonb_array_elements_text(event->'data') n $$;
	CREATE FUNCTION shop.pay(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS
		$$ BEGIN ASSERT (event->'data'->>'amount')::int <= 100, 'too much'; END $$;
	CREATE TABLE shop.payment (amount int);
	CREATE FUNCTION shop.check() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ASSERT NEW.amount <= 100, 'too much'; RETURN NEW; END $$;
	CREATE TRIGGER checked BEFORE INSERT ON shop.payment FOR EACH ROW EXECUTE FUNCTION shop.check();
	CREATE FUNCTION shop.book(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS
		$$ INSERT INTO shop.payment VALUES ((event->'data'->>'amount')::int) $$;
	CREATE FUNCTION shop.alike(context jsonb, event jsonb) RETURNS boolean LANGUAGE sql AS $$ SELECT 'similarity' OPERATOR(public.%) 'simulation' $$;
	CREATE FUNCTION shop.wants(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql SET enable_sort TO off AS
		$$ SELECT jsonb_build_object('sort', current_setting('enable_sort'), 'hash', current_setting('enable_hashjoin')) $$;
	CREATE TABLE shop.black AS SELECT g AS n, ARRAY[1, g % 10] AS tags FROM generate_series(1, 20000) g;
	CREATE INDEX ON shop.black USING gin (tags);
	CREATE FUNCTION shop.count(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS
		$$ SELECT jsonb_build_object('n', (SELECT count(*) FROM shop.black WHERE tags @> ARRAY[1, 7])) $$;
	SELECT workflow.define('{"id": "shop", "initial": "a", "states": {"a": {"on": {
		"look": {"actions": "shop.look"}, "get": {"actions": "shop.get"}, "pay": {"actions": "shop.pay"}, "book": {"actions": "shop.book"},
		"alike": {"guard": "shop.alike", "actions": []}, "count": {"actions": "shop.count"}, "wants": {"actions": "shop.wants"},
		"ist": {"guard": {"@expr": "(event->''data''->>''at'')::timestamptz < ''2026-01-01 10:00+00''::timestamptz"}, "actions": []},
		"zone": {"guard": {"@expr": "timezone(event->>''data'', ''2026-01-01 12:00+00''::timestamptz) = ''2026-01-01 17:30''::timestamp"}, "actions": []}}}}}');
	SELECT workflow.grant_on('shop', 'guest', 'start', 'send', 'read');
	SELECT workflow.start('shop', key => 'k');
	CREATE FUNCTION shop.guest_sends(event text, data jsonb) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$});

# Every setting that anybody may set, at something it is not by itself.
my @all = map { [ split /\t/ ] } split /\n/, $node->safe_psql('postgres', q{
	SELECT name || E'\t' || CASE vartype WHEN 'bool' THEN CASE setting WHEN 'on' THEN 'off' ELSE 'on' END
	                               WHEN 'enum' THEN (SELECT v FROM unnest(enumvals) v WHERE v <> setting LIMIT 1)
	                               ELSE CASE WHEN setting = min_val THEN max_val ELSE min_val END END
	FROM pg_settings WHERE context = 'user' AND vartype IN ('bool', 'enum', 'integer', 'real')
	  AND name NOT IN ('transaction_isolation', 'transaction_read_only', 'transaction_deferrable', 'is_superuser',
	                   'default_transaction_read_only', 'exit_on_error', 'ssl_renegotiation_limit')
	  AND name !~ '_timeout$|^debug_print|^tcp_|check_interval$|messages$'
	ORDER BY name});
cmp_ok(scalar(@all), '>', 70, 'there are many');
push @all, map { [ split / = / ] } ('timezone_abbreviations = India', 'lc_monetary = C', 'lc_numeric = C', 'lc_time = C',
	'default_tablespace = pg_default', 'temp_tablespaces = pg_default', 'default_text_search_config = pg_catalog.german',
	'default_table_access_method = heap', 'TimeZone = Asia/Kolkata', 'statement_timeout = 3600000', 'idle_session_timeout = 3600000');
push @all, [ 'plpgsql.check_asserts', 'off' ], [ 'plpgsql.extra_errors', 'all' ], [ 'pg_trgm.similarity_threshold', '0.01' ], [ 'pg_trgm.word_similarity_threshold', '0.01' ];

# What stays as the session has it; and the manual says so.
my @left_alone = qw(DateStyle IntervalStyle TimeZone application_name array_nulls bytea_output client_connection_check_interval client_encoding
	client_min_messages debug_pretty_print debug_print_parse debug_print_plan debug_print_raw_parse debug_print_rewritten extra_float_digits hash_mem_multiplier
	idle_in_transaction_session_timeout idle_session_timeout lock_timeout log_parameter_max_length_on_error logical_decoding_work_mem
	maintenance_work_mem quote_all_identifiers search_path standard_conforming_strings statement_timeout tcp_keepalives_count
	tcp_keepalives_idle tcp_keepalives_interval tcp_user_timeout temp_buffers trace_notify trace_sort transaction_timeout
	transform_null_equals vacuum_buffer_usage_limit wal_sender_timeout work_mem xmlbinary xmloption);
my $manual = slurp_file("$FindBin::Bin/../../doc/reference.md");
my ($section) = $manual =~ /^### Settings of the session\n(.*?)^##/ms;
is(join(' ', grep { $section !~ /`\Q$_\E`/i } @left_alone), '', 'the manual names what is left alone');

# The settings that an action sees, of those that it looks at.
sub seen
{
	my ($options, $before, $after) = @_;
	local $ENV{PGOPTIONS} = $options;
	my $out = as($node, 'guest', "$before; SELECT 'is ' || e.key || '=' || e.value FROM workflow.send_by_key('shop', 'k', 'look') s, jsonb_each_text(s.context) e ORDER BY 1;" . ($after // ''));

	return { map { /^is (.*?)=(.*)$/ ? ($1 => $2) : () } split /\n/, $out };
}

sub differences
{
	my ($wanted, $found) = @_;

	return join(', ', map { "$_ is $found->{$_}, not $wanted->{$_}" }
		  grep { exists $found->{$_} && $found->{$_} =~ tr{"}{}dr ne $wanted->{$_} =~ tr{"}{}dr } sort keys %$wanted);
}

# A session for which nobody has set anything.
my $load = q{DO 'BEGIN END'; SELECT 'a' % 'b'};
my %neutral = map { split /=/, $_, 2 } grep { /=/ } split /\n/, as($node, 'plain', qq{$load; SELECT name || '=' || setting FROM pg_settings WHERE context = 'user' AND name !~ '^transaction_|^search_path\$'});
is(join(' ', @neutral{qw(cursor_tuple_fraction seq_page_cost join_collapse_limit from_collapse_limit geqo_effort pg_trgm.similarity_threshold)}),
	'0.3 1.12346 3 5 4 0.4', 'it has what the server and the database have');
delete @neutral{@left_alone};
my ($sets, $locals, $configs) = ('', '', '');
$sets .= "SET $_->[0] = '$_->[1]'; " foreach @all;
$locals .= "SET LOCAL $_->[0] = '$_->[1]'; " foreach @all;
$configs .= "SELECT set_config('$_->[0]', '$_->[1]', false); " foreach @all;
my $options = join(' ', map { "-c $_->[0]=$_->[1]" } @all);
my %routes = (
	'nothing' => [ '', $load ],
	'SET' => [ '', $sets ], 'SET with the libraries loaded' => [ '', "$load; $sets" ],
	'SET LOCAL' => [ '', "BEGIN; $locals" ], 'set_config()' => [ '', $configs ], 'PGOPTIONS' => [ $options, '' ],
	'PGOPTIONS and SET' => [ $options, $sets ]);
foreach my $route (sort keys %routes)
{
	my $seen = seen(@{ $routes{$route} });

	cmp_ok(scalar(grep { exists $seen->{$_} } keys %neutral), '>', 90, "what an action sees after $route");
	is(differences(\%neutral, $seen), '', 'is what there is without it');
}

# Of the role itself.
$node->safe_psql('postgres', "$load; " . join('', map { "ALTER ROLE guest SET $_->[0] = '$_->[1]'; " } @all));
is(differences(\%neutral, seen('', '')), '', 'nor does ALTER ROLE');
is(differences(\%neutral, seen('', $sets)), '', 'nor with SET above it');
$node->safe_psql('postgres', 'ALTER ROLE guest RESET ALL; ' . "$load; " . join('', map { "ALTER ROLE guest IN DATABASE postgres SET $_->[0] = '$_->[1]'; " } @all));
is(differences(\%neutral, seen('', '')), '', 'nor does ALTER ROLE IN DATABASE');
$node->safe_psql('postgres', 'ALTER ROLE guest IN DATABASE postgres RESET ALL');

# SET of a function from which the event is sent.
$node->safe_psql('postgres', "$load; CREATE FUNCTION sends() RETURNS SETOF text LANGUAGE sql " . join(' ', map { "SET $_->[0] = '$_->[1]'" } @all) .
	q{ AS $$ SELECT e.key || '=' || e.value FROM workflow.send_by_key('shop', 'k', 'look') s, jsonb_each_text(s.context) e $$});
is(differences(\%neutral, { map { split /=/, $_, 2 } split /\n/, as($node, 'guest', 'SELECT sends()') }), '', q{nor a function's SET});

# The session has its own again.
my $shown = q{SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE context = 'user'};
my ($before, undef, $after) = grep { /=|sent/ } split /\n/, as($node, 'guest', "$load; $sets; $shown; SELECT 'sent' FROM workflow.send_by_key('shop', 'k', 'pay', '{\"amount\": 1}'); $shown");
is($after, $before, 'afterwards the session has its own settings');

# What is left alone, and what is the application's own.
is(as($node, 'guest', q{
		SET work_mem = '3MB'; SET statement_timeout = '1h'; SET application_name = 'guest'; SET client_encoding = 'LATIN1'; SELECT FROM set_config('app.user', 'anna', false);
		SELECT (workflow.send_by_key('shop', 'k', 'get', '["work_mem", "statement_timeout", "application_name", "client_encoding", "app.user", "role"]')).context}),
	'{"role": "none", "app.user": "anna", "work_mem": "3MB", "client_encoding": "LATIN1", "application_name": "guest", "statement_timeout": "1h"}',
	'limits, what is the connection\'s, and what is the application\'s');
is(as($node, 'guest', q{SET enable_hashjoin = off; SET enable_sort = on; SELECT (workflow.send_by_key('shop', 'k', 'wants')).context}),
	'{"hash": "on", "sort": "off"}', 'a function has what its own SET clause says');

# Checks of the owner that settings could get round; each in a session of its own.
sub guest
{
	my ($options, $sql) = @_;
	local $ENV{PGOPTIONS} = $options;
	my (undef, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 0, extra_params => [ '-U', 'guest' ]);

	return $out . ($err =~ /.*ERROR:\s+([^\n]*)/s ? $1 : '');
}
foreach my $event (qw(pay book))
{
	my $send = qq{SELECT (workflow.send_by_key('shop', 'k', '$event', '{"amount": 5000}')).taken};

	is(guest('', $send), 'too much', "an assertion holds: $event");
	foreach my $route ('SET plpgsql.check_asserts = off', 'SET PLPGSQL.Check_Asserts = off', q{SELECT FROM set_config('PlPgSQL.check_asserts', 'off', false)},
		q{DO 'BEGIN END'; SET plpgsql.check_asserts = off}, 'BEGIN; SET LOCAL plpgsql.check_asserts = off', 'SET app.tenant = 1; SET plpgsql.check_asserts = off',
		q{SET app.tenant = 1; SELECT FROM workflow.send_by_key('shop', 'k', 'count'); SET plpgsql.check_asserts = off})
	{
		is(guest('', "$route; $send"), 'too much', "also after $route");
	}
	is(guest('-c plpgsql.check_asserts=off', $send), 'too much', 'also with PGOPTIONS');
	is(guest('-c plpgsql.check_asserts=off', "BEGIN; SET LOCAL statement_timeout = 1; $send; ROLLBACK; $send"), 'too much',
		'also if the look for libraries was cancelled');
}
is(guest('', q{SELECT (workflow.send_by_key('shop', 'k', 'alike')).taken}), 'f', 'what is not alike');
foreach my $route ('SET pg_trgm.similarity_threshold = 0.01', q{SELECT set_limit(0.01)}, q{SELECT show_limit(); SET pg_trgm.similarity_threshold = 0.01})
{
	is(guest('', "SET client_min_messages = error; $route; SELECT (workflow.send_by_key('shop', 'k', 'alike')).taken") =~ s/^.*\n//sr, 'f', "does not become alike by $route");
}
is(guest('-c pg_trgm.similarity_threshold=0.01', q{SELECT (workflow.send_by_key('shop', 'k', 'alike')).taken}), 'f', 'nor by PGOPTIONS');
is(guest('-c gin_fuzzy_search_limit=10 -c enable_seqscan=off', q{SELECT (workflow.send_by_key('shop', 'k', 'count')).context}), '{"n": 2000}', 'nothing is left out by a fuzzy search');
is(guest('-c timezone_abbreviations=India', q{SELECT (workflow.send_by_key('shop', 'k', 'ist', '{"at": "2026-01-01 12:00 IST"}')).taken}), 'f', 'abbreviations are those of the server');
foreach my $abbreviations ('', 'SET timezone_abbreviations = \'India\'; ')
{
	is(guest('', $abbreviations . q{SELECT (workflow.send_by_key('shop', 'k', 'zone', '"IST"')).taken; } x 2), "f\nf", 'also in a function that is called immutable');
}

# Settings of libraries that are nobody's to set, or do not exist.
is(guest('-c auto_explain.log_analyze=on -c no.such=1', q{SELECT (workflow.send_by_key('shop', 'k', 'count')).context; SHOW no.such}), "{\"n\": 2000}\n1", 'settings of no library here do no harm');
is(guest('', q{SELECT FROM workflow.send_by_key('shop', 'k', 'get', '["no.such"]')}), '', 'nor does it matter that there is none');

# An owner in a session of their own has what they set.
is(as($node, 'clerk', q{SET gin_fuzzy_search_limit = 10; SELECT (workflow.send_by_key('shop', 'k', 'get', '["gin_fuzzy_search_limit"]')).context}),
	'{"gin_fuzzy_search_limit": "10"}', 'in a session of the owner settings count as ever');

# What another role's action sets in a session of the owner's is not the owner's, either.
as($node, 'clerk', q{
	CREATE FUNCTION shop.door(amount int) RETURNS boolean LANGUAGE sql SECURITY DEFINER AS
		$$ SELECT (workflow.send_by_key('shop', 'k', 'pay', jsonb_build_object('amount', amount))).taken $$;
	GRANT USAGE ON SCHEMA shop TO guest});
$node->safe_psql('postgres', 'CREATE SCHEMA trap AUTHORIZATION guest');
as($node, 'guest', q{
	CREATE FUNCTION trap.spring(context jsonb, event jsonb) RETURNS jsonb LANGUAGE plpgsql AS
		$$ BEGIN SET plpgsql.check_asserts = off; RETURN to_jsonb(shop.door((event->'data')::int)); END $$;
	SELECT workflow.define('{"id": "trap", "initial": "a", "states": {"a": {"on": {"go": {"actions": {"type": "assign", "context": {"paid": {"@expr": "trap.spring(context, event)"}}}}}}}}');
	SELECT workflow.grant_on('trap', 'clerk', 'send', 'read');
	SELECT workflow.start('trap', key => 't')});
is(as($node, 'clerk', q{SELECT (workflow.send_by_key('trap', 't', 'go', '100')).context}), '{"paid": true}', 'the action of another role may send');
isnt($node->psql('postgres', q{SELECT workflow.send_by_key('trap', 't', 'go', '5000')}, extra_params => [ '-U', 'clerk' ]), 0,
	'and its settings do not reach the owner whose session it is');

# A reload is heard, and what the database has by then counts for a new session.
$node->append_conf('postgresql.conf', "gin_fuzzy_search_limit = 77\n");
$node->safe_psql('postgres', 'ALTER DATABASE postgres SET join_collapse_limit = 4');
$node->reload;
wait_for($node, q{SELECT current_setting('gin_fuzzy_search_limit') = '77'}, 'the reload');
is(guest('-c gin_fuzzy_search_limit=10 -c join_collapse_limit=9', q{SELECT (workflow.send_by_key('shop', 'k', 'get', '["gin_fuzzy_search_limit", "join_collapse_limit"]')).context}),
	'{"join_collapse_limit": "4", "gin_fuzzy_search_limit": "77"}', 'what has been configured meanwhile');

$node->stop;
done_testing();
