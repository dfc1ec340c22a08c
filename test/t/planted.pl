# Objects that look like what our SQL uses, planted by somebody who may create
# them, before CREATE EXTENSION and after it, where every session looks first:
# nothing of ours finds them, and the extension is the same as in a clean
# database.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('planted');

# As the superuser, where no trap is.
sub quiet
{
	my ($database, $sql) = @_;
	return $node->safe_psql($database, "SET search_path TO pg_catalog; $sql");
}

# What all words of our sources together could mean.
sub words
{
	my %words;
	foreach my $file (glob("$FindBin::Bin/../../sql/parts/*.sql"), glob("$FindBin::Bin/../../src/*/*.c"))
	{
		$words{$_} = 1 foreach slurp_file($file) =~ /\b[a-z_][a-z0-9_]+\b/g;
	}
	return join(',', sort keys %words);
}

# Traps that tell the log whom they caught, in schema evil and in public.
my $traps = q{
	CREATE SCHEMA IF NOT EXISTS evil;
	GRANT USAGE ON SCHEMA evil TO PUBLIC;
	DO $plant$
	DECLARE
		place text;
		f record;
	BEGIN
		FOREACH place IN ARRAY ARRAY['evil', 'public'] LOOP
			EXECUTE format('CREATE OR REPLACE FUNCTION %I.caught(what text) RETURNS boolean LANGUAGE plpgsql
				SET search_path TO pg_catalog AS $f$ BEGIN RAISE LOG ''caught: %% by %%'', current_user, what; RETURN true; END $f$', place);
			-- functions, with their very arguments
			FOR f IN SELECT p.oid, p.proname, p.proretset, pg_get_function_identity_arguments(p.oid) AS arguments,
			                pg_get_function_result(p.oid) AS result
				FROM pg_proc p
				WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f'
				  AND p.proname = ANY (string_to_array('WORDS', ','))
				  AND NOT EXISTS (SELECT FROM unnest(p.proargtypes || p.prorettype) t JOIN pg_type y ON y.oid = t
				                  WHERE y.typtype = 'p' AND y.typname !~ '^any(element|array)$' OR y.typname ~ '^_?reg|^_?pg_')
			LOOP
				BEGIN
					EXECUTE format('CREATE FUNCTION %I.%I(%s) RETURNS %s LANGUAGE plpgsql SET search_path TO pg_catalog AS
						$f$ BEGIN PERFORM %I.caught(%L); RETURN%s; END $f$', place, f.proname, f.arguments, f.result, place,
						'function ' || f.proname, CASE WHEN f.proretset OR f.result = 'void' THEN '' ELSE ' NULL' END);
				EXCEPTION WHEN invalid_function_definition OR syntax_error OR duplicate_function OR datatype_mismatch THEN
				END;
			END LOOP;
			-- operators
			FOR f IN SELECT o.oprname, o.oprleft::regtype AS l, o.oprright::regtype AS r, o.oprresult::regtype AS result
				FROM pg_operator o
				WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprkind = 'b'
				  AND o.oprleft::regtype::text = ANY ('{integer,bigint,smallint,text,name,uuid,boolean,timestamp with time zone,interval,jsonb,oid,anyarray,anyenum,text[],character,double precision}')
				  AND o.oprname = ANY ('{=,<>,<,<=,>,>=,||,->,->>,#>,#>>,@>,<@,?,&&,+,-,*,/,%,~,!~}')
			LOOP
				BEGIN
					EXECUTE format('CREATE FUNCTION %1$I.op(%2$s, %3$s) RETURNS %4$s LANGUAGE plpgsql SET search_path TO pg_catalog AS
						$f$ BEGIN PERFORM %1$I.caught(%5$L); RETURN NULL; END $f$', place, f.l, f.r, f.result, 'operator');
				EXCEPTION WHEN duplicate_function OR invalid_function_definition THEN
				END;
				BEGIN
					EXECUTE format('CREATE OPERATOR %1$I.%5$s (LEFTARG = %2$s, RIGHTARG = %3$s, FUNCTION = %1$I.op)', place, f.l, f.r, f.result, f.oprname);
				EXCEPTION WHEN duplicate_function OR undefined_function OR ambiguous_function THEN
				END;
			END LOOP;
			-- types that catch what is cast to them; tables and views of ours and of the catalog
			EXECUTE format('CREATE FUNCTION %1$I.word(text) RETURNS boolean LANGUAGE plpgsql SET search_path TO pg_catalog AS
				$f$ BEGIN PERFORM %1$I.caught(''type''); RETURN true; END $f$', place);
			FOR f IN SELECT unnest('{text,name,uuid,jsonb,json,int4,int8,int2,bool,oid,timestamptz,status,verdict,migration,regclass,regnamespace}'::text[]) AS name LOOP
				EXECUTE format('CREATE DOMAIN %1$I.%2$I AS pg_catalog.text CHECK (%1$I.word(VALUE))', place, f.name);
			END LOOP;
			FOR f IN SELECT relname FROM pg_class WHERE relkind IN ('r', 'v', 'p') AND relnamespace = 'pg_catalog'::regnamespace
			         UNION SELECT unnest('{stamp,owner,definition,permission,process,key,timer,ring,history,deferred,failure,receipt,pause,resting,erasure,calendar,attribute,definitions,processes,timers,errors}'::text[]) LOOP
				BEGIN
					EXECUTE format('CREATE VIEW %1$I.%2$I AS SELECT 1 AS n WHERE %1$I.caught(''view'')', place, f.relname);
				EXCEPTION WHEN duplicate_table OR duplicate_object THEN
				END;
			END LOOP;
			EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA %1$I TO PUBLIC', place);
			EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %1$I TO PUBLIC', place);
		END LOOP;
	END
	$plant$;
};
my $words = words();
$traps =~ s/WORDS/$words/;
# Not as a command line, which would be too long.
my $script = $node->basedir . '/traps.sql';
append_to_file($script, "SET search_path TO pg_catalog;\nSET client_min_messages TO warning;\n$traps");

sub plant
{
	my ($database, $role) = @_;
	$node->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port,
			'-U', $role, '-d', $database, '-f', $script ], "planted in $database");
	return;
}

sub caught
{
	my @caught = slurp_file($node->logfile) =~ /LOG:  (caught: .*)/g;
	return scalar(@caught);
}

# Everything that the extension is, as text, without what is of one database.
my $anatomy = q{
	SELECT c.oid::regclass, c.relkind, pg_get_viewdef(c.oid), a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
	       pg_get_expr(d.adbin, d.adrelid), c.reloptions, c.relacl
	FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
	LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
	WHERE c.relnamespace = 'workflow'::regnamespace AND c.relkind IN ('r', 'p', 'v') ORDER BY 1, a.attnum;
	SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
	WHERE relnamespace = 'workflow'::regnamespace ORDER BY 1;
	SELECT pg_get_constraintdef(oid), conrelid::regclass FROM pg_constraint WHERE connamespace = 'workflow'::regnamespace ORDER BY 2, 1;
	SELECT pg_get_functiondef(oid), proacl FROM pg_proc WHERE pronamespace = 'workflow'::regnamespace AND prokind <> 'a' ORDER BY 1;
	SELECT a.*, p.proacl FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid WHERE p.pronamespace = 'workflow'::regnamespace ORDER BY 1;
	SELECT typname, typtype, (SELECT string_agg(enumlabel, ' ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)
	FROM pg_type t WHERE typnamespace = 'workflow'::regnamespace ORDER BY 1};

#
# Before: where the schema is there already there is no extension
#
$node->safe_psql('postgres', q{
	CREATE ROLE mallory LOGIN;
	CREATE DATABASE taken;
	CREATE DATABASE shop});
$node->safe_psql($_, 'GRANT CREATE ON DATABASE ' . $_ . ' TO mallory; GRANT CREATE ON SCHEMA public TO mallory')
  foreach qw(taken shop);
as($node, 'mallory', q{CREATE SCHEMA workflow; CREATE TABLE workflow.process (id uuid)}, 'taken');
my ($code, $out, $err) = $node->psql('taken', 'CREATE EXTENSION workflow');
like($err, qr/schema "workflow" already exists/, 'a schema that somebody else made is not taken over');
($code, $out, $err) = $node->psql('taken', 'CREATE EXTENSION IF NOT EXISTS workflow SCHEMA workflow');
isnt($code, 0, 'nor when it is asked for');
($code, $out, $err) = $node->psql('shop', 'CREATE EXTENSION workflow', extra_params => [ '-U', 'mallory' ]);
like($err, qr/permission denied to create extension/, 'the extension is for superusers to create');

#
# Before: traps where the superuser's CREATE EXTENSION looks first
#
plant('shop', 'mallory');
$node->safe_psql('postgres', q{ALTER DATABASE shop SET search_path TO evil, public, pg_catalog});
is(caught(), 0, 'no trap has caught anybody yet');
as($node, 'mallory', q{SELECT now()}, 'shop');
as($node, 'mallory', q{SELECT 1 = 1}, 'shop');
as($node, 'mallory', q{SELECT * FROM process}, 'shop');
is(caught(), 3, 'they do catch who comes their way');

$node->safe_psql('shop', 'CREATE EXTENSION workflow');
is(caught(), 3, 'CREATE EXTENSION does not');
is(quiet('shop', $anatomy), quiet('postgres', $anatomy), 'and makes the same as in a clean database');
is(quiet('shop', q{
		SELECT DISTINCT pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
		FROM pg_depend d, LATERAL pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) i
		WHERE i.schema IN ('evil', 'public') AND d.objid IN (
			SELECT oid FROM pg_class WHERE relnamespace = 'workflow'::regnamespace
			UNION ALL SELECT oid FROM pg_proc WHERE pronamespace = 'workflow'::regnamespace
			UNION ALL SELECT r.oid FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE c.relnamespace = 'workflow'::regnamespace)}),
	'', 'nothing of it depends on what was planted');

#
# After: with the traps first in every session's path, and in its pg_temp
#
$node->safe_psql('shop', 'GRANT CREATE ON DATABASE shop TO clerk;');
as($node, 'clerk', q{
	SET search_path TO pg_catalog;
	CREATE SCHEMA app;
	CREATE TABLE app.paid (by name);
	CREATE FUNCTION app.pay(context jsonb, event jsonb) RETURNS jsonb LANGUAGE sql AS
		$$ INSERT INTO app.paid VALUES (current_user); SELECT context || '{"paid": true}' $$;
	SET search_path TO app;
	SELECT workflow.define('{"id": "child", "initial": "a", "states": {"a": {"type": "final"}}}');
	SELECT workflow.define('{"id": "order", "initial": "a", "search": {"who": "$.who"}, "context": {"who": "ann"}, "states": {
		"a": {"tags": ["open"], "defer": ["soon"], "on": {
			"pay": {"guard": {"@expr": "context->>''who'' = ''ann''"}, "actions": "pay", "target": "b"}}},
		"b": {"after": {"1 hour": "c"}}, "c": {"invoke": {"src": "child", "onDone": "d"}}, "d": {"type": "final"}}}');
	SELECT workflow.grant_on('order', 'mallory', 'start', 'send', 'read')}, 'shop');
$node->safe_psql('shop', 'GRANT workflow_user TO mallory');

# Everything there is, without a word that could be somebody else's.
my $calls = q{
	SELECT workflow.start('order', key => 'K');
	SELECT workflow.start_many('order', '{null,null}', '{L,M}');
	SELECT workflow.find('order', 'K') AS p \gset
	SELECT workflow.start('order') AS o \gset
	SELECT * FROM workflow.get(:'p');
	SELECT * FROM workflow.available_events(:'p');
	SELECT * FROM workflow.dry_run(:'p', 'pay');
	SELECT * FROM workflow.simulate('order', '[{"event": "pay"}, {"after": "1 day"}]');
	SELECT * FROM workflow.send(:'p', 'soon');
	SELECT * FROM workflow.send(:'p', 'pay', id => 'once');
	SELECT * FROM workflow.send(:'p', 'pay', id => 'once');
	SELECT * FROM workflow.send_by_key('order', 'L', 'pay');
	SELECT * FROM workflow.post_by_key('order', 'M', 'pay', id => 'x');
	SELECT workflow.cancel_event(workflow.find('order', 'M'), 'x');
	SELECT workflow.post(workflow.find('order', 'M'), 'pay');
	SELECT workflow.suspend(:'o');
	SELECT workflow.resume(:'o');
	SELECT * FROM workflow.search('order', '{open}', '{"who": "ann"}');
	SELECT workflow.diagram('order');
	SELECT * FROM workflow.lint('order');
	SELECT workflow.export('order');
	SELECT workflow.cancel(:'o');
	SELECT * FROM workflow.VIEW;
};
my $views = join("\n", map { "SELECT * FROM workflow.$_;" }
	qw(definitions processes timers process_history deferred_events errors drift pauses erasures calendars activity));
$calls =~ s/SELECT \* FROM workflow.VIEW;/$views/;
my $of_owner = q{
	SELECT * FROM workflow.set_states(workflow.start('order'), '{b}');
	SELECT * FROM workflow.migrate_many('order');
	SELECT workflow.pause('order');
	SELECT workflow.unpause('order');
	SELECT workflow.define_calendar('office', '{"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}');
	SELECT workflow.add_working_time('2030-01-01', '1 hour', 'office');
	SELECT workflow.drop_calendar('office');
	SELECT workflow.revoke_on('child', 'mallory', 'read');
	SELECT workflow.work(100);
	SELECT * FROM workflow.erase(workflow.start('order'), true);
};
my $of_admin = q{
	SELECT workflow.adopt();
	SELECT * FROM workflow.expire('1 day');
	SELECT * FROM workflow.check();
};
# Tables of the session's own, found before all others.
my $temporary = q{
	CREATE TEMP TABLE process (id uuid); CREATE TEMP TABLE timer (id uuid); CREATE TEMP TABLE definition (id uuid);
	CREATE TEMP TABLE paid (by name); CREATE TEMP TABLE pg_class (oid oid); CREATE TEMP TABLE pg_authid (oid oid); CREATE TEMP TABLE pg_roles (oid oid);
	CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (evil.word(VALUE)); CREATE DOMAIN pg_temp.uuid AS pg_catalog.uuid;
	CREATE DOMAIN pg_temp.status AS pg_catalog.text CHECK (evil.word(VALUE));
};
foreach my $case ([ 'mallory', $calls ], [ 'clerk', $of_owner ], [ 'postgres', $of_admin ])
{
	foreach my $path ('evil, public, pg_catalog', 'evil, pg_temp, workflow, public, pg_catalog')
	{
		my $before = caught();
		my ($role, $sql) = @$case;
		my $round = $path =~ /pg_temp/ ? 2 : 1;
		$sql =~ s/'([KLM])'/'$1$round'/g;
		$sql =~ s/'\{L,M\}'/'{L$round,M$round}'/;
		($code, $out, $err) = $node->psql('shop', "$temporary SET search_path TO $path;\n$sql",
			extra_params => [ ($role eq 'postgres' ? () : ('-U', $role)), '-v', 'ON_ERROR_STOP=1' ]);
		is($err, '', "calls of $role under $path");
		is(caught() - $before, 0, 'no trap catches them');
	}
}

# The executors log in under the database's path, too.
my $before = caught();
# none is over while commands are sent to it, however slow these are
come_true('shop', q{SELECT count(*) >= 6 FROM workflow.processes WHERE definition = 'order' AND states = '{b}'});
quiet('shop', q{UPDATE workflow.timer SET due = now() WHERE event = 'after.1 hour.b'; SELECT workflow.wake()});
come_true('shop', q{SELECT count(*) = 0 FROM workflow.timers WHERE due < now()});
come_true('shop', q{SELECT count(*) >= 6 FROM workflow.processes WHERE definition = 'order' AND status = 'finalized'});
is(caught() - $before, 0, 'nor workers');
is(quiet('shop', q{SELECT string_agg(DISTINCT by, ',') FROM app.paid}), 'clerk', 'and actions did what they are for');

sub come_true
{
	my ($database, $query) = @_;
	local $ENV{PGOPTIONS} = '-c search_path=pg_catalog';
	$node->poll_query_until($database, $query)
	  or die "waited in vain for $query";
	return;
}

# Dropped, it leaves the traps alone.
$node->safe_psql('shop', 'DROP EXTENSION workflow');
is(caught() - $before, 0, 'DROP EXTENSION does not meet them, either');

$node->stop;
done_testing();
