# As whom each kind of expression runs that there is in this version of
# PostgreSQL: what is known to be harmless as whoever sends the event, all else
# as the owner of the definition.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use WorkflowTest;

my $node = workflow_node('expressions', 'workflow.max_executors = 0');
my ($version) = $node->safe_psql('postgres', 'SHOW server_version_num') =~ /^(\d\d)/;

workflow_role($node, 'mallory');
$node->safe_psql('postgres', 'CREATE SCHEMA m AUTHORIZATION mallory');
as($node, 'mallory', q{
	CREATE FUNCTION m.spy(what text) RETURNS boolean LANGUAGE plpgsql AS
		$$ BEGIN RAISE NOTICE '% as %', what, current_user; RETURN true; END $$;
	CREATE TYPE m.e AS ENUM ('a', 'b');
	CREATE FUNCTION m.to_json(m.e) RETURNS json LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM m.spy('cast'); RETURN '"x"'; END $$;
	CREATE FUNCTION m.to_text(m.e) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM m.spy('cast'); RETURN '{}'; END $$;
	CREATE CAST (m.e AS json) WITH FUNCTION m.to_json(m.e);
	CREATE CAST (m.e AS text) WITH FUNCTION m.to_text(m.e) AS IMPLICIT;
	CREATE DOMAIN m.word AS text CHECK (m.spy('domain'));
	CREATE DOMAIN m.plain AS text;
	CREATE TYPE m.pair AS (a m.word, b int);
	CREATE TABLE m.parent (a text);
	CREATE TABLE m.child (b text) INHERITS (m.parent);
	CREATE FUNCTION m.both(jsonb, jsonb) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN m.spy('operator'); END $$;
	CREATE OPERATOR m.=== (LEFTARG = jsonb, RIGHTARG = jsonb, FUNCTION = m.both);
	CREATE OPERATOR m.~~~ (LEFTARG = jsonb, RIGHTARG = jsonb, FUNCTION = jsonb_contains);
	CREATE FUNCTION m.inlined(jsonb, text DEFAULT m.spy('default')::text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT $1::text || $2 $$;
	CREATE FUNCTION m.harmless(jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT $1->>'a' $$;
	CREATE COLLATION m.c (LOCALE = 'C')});

# What each expression is made of, by the nodes of its tree.
sub nodes
{
	my @expressions = @_;
	my $sql = '';
	my @seen;

	$sql .= "CREATE FUNCTION m.tree$_(context jsonb, event jsonb) RETURNS boolean RETURN ($expressions[$_]);" foreach (0 .. $#expressions);
	as($node, 'mallory', $sql);
	foreach my $tree (split /\n/, $node->safe_psql('postgres', q{
		SELECT translate(prosqlbody::text, E'\n', ' ') FROM pg_proc WHERE proname ~ '^tree\d' ORDER BY substr(proname, 5)::int}))
	{
		push @seen, { map { my $name = $_; $name =~ s/EXPR$//; $name => 1 } $tree =~ /\{([A-Z]+)/g };
	}
	return @seen;
}

# The same expressions as guards, each of an event of its own.
sub define_guards
{
	my ($id, @expressions) = @_;
	my @on;

	foreach my $i (0 .. $#expressions)
	{
		(my $quoted = $expressions[$i]) =~ s/(["\\])/\\$1/g;
		push @on, qq("e$i": {"guard": {"\@expr": "$quoted"}, "actions": []});
	}
	as($node, 'mallory', sprintf(q{
		SELECT workflow.define($d${"id": "%s", "initial": "a", "context": {"a": "1"}, "states": {"a": {"on": {%s}}}}$d$);
		SELECT workflow.start('%1$s', key => 'k')}, $id, join(', ', @on)));
	return;
}

# A value that is not known when the expression is planned.
my $e = q{CASE WHEN context ? 'q' THEN 'a'::m.e ELSE 'b'::m.e END};

# Each kind of node there is, an expression with it, and whether that is free
# to run as the sender of the event.
my @kinds = (
	[ Const => q{true}, 'free' ],
	[ Param => q{context IS NULL}, 'free' ],
	[ FuncExpr => q{jsonb_typeof(context) = 'object'}, 'free' ],
	[ FuncExpr => q{m.harmless(context) IS NULL}, 'free' ],
	[ FuncExpr => q{quote_ident(context->>'a') IS NULL}, 'owner' ],
	[ FuncExpr => q{timezone(context->>'a', timestamptz '2026-01-01 00:00+00') IS NULL}, 'owner' ],
	[ FuncExpr => q{now() IS NULL}, 'owner' ],
	[ FuncExpr => q{random() > 2}, 'owner' ],
	[ FuncExpr => q{to_tsvector('english', context->>'a') IS NULL}, 'owner' ],
	[ FuncExpr => q{satisfies_hash_partition('m.parent'::regclass, 1, 0, context->>'a')}, 'owner' ],
	[ FuncExpr => q{m.spy('function')}, 'owner' ],
	[ NamedArgExpr => q{make_interval(hours => (context->>'a')::int) IS NULL}, 'free' ],
	[ OpExpr => q{context->'a' = event->'b'}, 'free' ],
	[ OpExpr => q{context OPERATOR(m.===) event}, 'owner' ],
	[ OpExpr => q{context OPERATOR(m.~~~) event}, 'owner' ],
	[ DistinctExpr => q{context IS DISTINCT FROM event}, 'free' ],
	[ NullIfExpr => q{nullif(context, event) IS NULL}, 'free' ],
	[ ScalarArrayOpExpr => q{context->>'a' = ANY (ARRAY[event->>'a', 'b'])}, 'free' ],
	[ ScalarArrayOpExpr => q{context OPERATOR(m.~~~) ANY (ARRAY[event])}, 'owner' ],
	[ SubscriptingRef => q{context['a'] IS NULL}, 'free' ],
	[ BoolExpr => q{context ? 'a' AND NOT event ? 'b'}, 'free' ],
	[ BooleanTest => q{(context ? 'a') IS NOT FALSE}, 'free' ],
	[ NullTest => q{event IS NULL}, 'free' ],
	[ RelabelType => q{(context->>'a')::varchar IS NULL}, 'free' ],
	[ RelabelType => q{(context->>'a')::m.plain IS NULL}, 'owner' ],
	[ CoerceViaIO => q{(context->>'a')::numeric > 1}, 'free' ],
	[ CoerceViaIO => q{(context->>'a')::float8::text = '1'}, 'owner' ],
	[ CoerceViaIO => q{make_interval(hours => (context->>'a')::int)::text = '1'}, 'owner' ],
	[ CoerceViaIO => q{point((context->>'a')::float8, 0)::text = '1'}, 'owner' ],
	[ CoerceViaIO => q{decode(context->>'a', 'hex')::text = '1'}, 'owner' ],
	[ CoerceViaIO => qq{($e)::name = 'a'}, 'owner' ],
	[ ArrayCoerceExpr => q{string_to_array(context->>'a', ',')::numeric[] IS NULL}, 'free' ],
	[ ArrayCoerceExpr => q{string_to_array(context->>'a', ',')::m.word[] IS NULL}, 'owner' ],
	[ CollateExpr => q{(context->>'a') COLLATE "C" < 'b'}, 'free' ],
	[ CollateExpr => q{(context->>'a') COLLATE m.c < 'b'}, 'owner' ],
	[ CaseExpr => q{CASE context->>'a' WHEN 'a' THEN true ELSE false END}, 'free' ],
	[ CaseWhen => q{CASE WHEN context ? 'a' THEN true END}, 'free' ],
	[ CaseTestExpr => q{CASE context->>'a' WHEN 'a' THEN true END}, 'free' ],
	[ ArrayExpr => q{ARRAY[context->>'a', 'b'] IS NULL}, 'free' ],
	[ ArrayExpr => qq{ARRAY[$e] IS NULL}, 'owner' ],
	[ CoalesceExpr => q{coalesce(context->'a', event) IS NULL}, 'free' ],
	[ CoalesceExpr => qq{coalesce($e, 'a'::m.e) IS NULL}, 'owner' ],
	[ MinMaxExpr => q{greatest(context->>'a', 'b') = 'b'}, 'free' ],
	[ MinMaxExpr => qq{least($e, 'a'::m.e) IS NULL}, 'owner' ],
	[ RowExpr => q{ROW(context, 1)::text IS NULL}, 'owner' ],
	[ RowExpr => q{(ROW(context->>'a', 1)::m.pair) IS DISTINCT FROM NULL}, 'owner' ],
	[ RowCompareExpr => q{(context->>'a', 'b') < ('a', context->>'c')}, 'owner' ],
	[ FieldSelect => q{(jsonb_populate_record(NULL::m.pair, context)).b IS NULL}, 'owner' ],
	[ ConvertRowtypeExpr => q{jsonb_populate_record(NULL::m.child, context)::m.parent IS NULL}, 'owner' ],
	[ CoerceToDomain => q{(context->>'a')::m.word IS NULL}, 'owner' ],
	[ SQLValueFunction => q{current_user IS NULL}, 'owner' ],
	[ XmlExpr => q{xmlelement(name a, context->>'a') IS NULL}, 'owner' ],
	$version >= 16 ? (
		[ JsonConstructorExpr => q{JSON_ARRAY(context->>'a') IS NULL}, 'owner' ],
		[ JsonValueExpr => q{JSON_ARRAY(context->>'a' FORMAT JSON) IS NULL}, 'owner' ],
		[ JsonIsPredicate => q{(context->>'a') IS JSON}, 'owner' ]) : (),
	$version >= 17 ? (
		[ JsonExpr => q{JSON_EXISTS(context, '$.a')}, 'owner' ],
		[ JsonBehavior => q{JSON_VALUE(context, '$.a' DEFAULT 'b' ON EMPTY) = 'b'}, 'owner' ]) : ());

# What cannot be in an expression, as there is no query or no table for it.
my @never = qw(Var Aggref GroupingFunc WindowFunc WindowFuncRunCondition MergeSupportFunc SubLink SubPlan AlternativeSubPlan
	FieldStore CoerceToDomainValue SetToDefault CurrentOfExpr NextValueExpr InferenceElem TargetEntry ReturningExpr);

chomp(my $include = `pg_config --includedir-server`);
my $header = slurp_file("$include/nodes/primnodes.h");
$header =~ s{/\*.*?\*/}{}gs;
my @known = ('DistinctExpr', 'NullIfExpr', $header =~ /typedef struct (\w+)\s*\{\s*(?:pg_node_attr\([^)]*\)+\s*)?Expr\s+xpr;/g);
cmp_ok(scalar(@known), '>', 40, 'there are many kinds of nodes');
my %named = map { $_ => 1 } @never, map { $_->[0] } @kinds;
is(join(' ', grep { !$named{$_} } @known), '', 'each kind is tried here, or cannot be in an expression');

# All in one definition, each its event. The first time an expression is
# compiled, as the owner; later a session with an open cursor shows which code
# would be the owner's, as it does not let that run.
define_guards('kinds', map { $_->[1] } @kinds);
my @nodes = nodes(map { $_->[1] } @kinds);
foreach my $i (0 .. $#kinds)
{
	my ($kind, $expression) = @{ $kinds[$i] };
	my $name = uc($kind) =~ s/EXPR$//r;

	# The parser has put the arguments in order; a domain may have constraints.
	ok($nodes[$i]{$name} || $name eq 'NAMEDARG' || ($name eq 'RELABELTYPE' && $nodes[$i]{COERCETODOMAIN}), "a $kind is in $expression");
}
$node->safe_psql('postgres', q{
	CREATE FUNCTION tried(n int) RETURNS text[] LANGUAGE plpgsql AS $$
	DECLARE
		result text[];
	BEGIN
		FOR i IN 0 .. n - 1 LOOP
			BEGIN
				PERFORM workflow.send_by_key('kinds', 'k', 'e' || i);
				result[i + 1] := 'free';
			EXCEPTION
				WHEN insufficient_privilege THEN
					result[i + 1] := CASE WHEN SQLERRM ~ 'while cursors are open' THEN 'owner' ELSE SQLERRM END;
				WHEN OTHERS THEN
					result[i + 1] := SQLERRM;
			END;
		END LOOP;
		RETURN result;
	END $$});
my $n = scalar(@kinds);
my @found = split /\n/, (split /^--\n/m, $node->safe_psql('postgres', qq{
	SELECT tried($n);
	BEGIN;
	DECLARE c CURSOR FOR SELECT 1;
	\\echo --
	SELECT unnest(tried($n))}))[1];
is($found[$_], $kinds[$_][2], "$kinds[$_][1] is run by: $kinds[$_][2]") foreach (0 .. $#kinds);

# Code of the author in all places where it may be called without its name.
my @cases = (
	qq{($e)::json IS NOT NULL}, qq{($e)::text IS NOT NULL}, qq{upper($e) = '{}'}, qq{($e) LIKE 'a'},
	q{(context->>'a')::m.word IS NOT NULL}, q{ARRAY[context->>'a']::m.word[] IS NOT NULL}, q{(ROW(context->>'a', 1)::m.pair) IS NOT NULL},
	q{('{' || (context->>'a') || '}')::m.word[] IS NOT NULL}, q{jsonb_populate_record(NULL::m.pair, context) IS NOT NULL},
	q{context OPERATOR(m.===) event}, q{context OPERATOR(m.===) ANY (ARRAY[event])}, q{m.inlined(context) IS NOT NULL},
	q{greatest((context->>'a')::m.word, 'b') IS NOT NULL}, q{coalesce((event->>'none')::m.word, 'b') IS NOT NULL},
	q{nullif((context->>'a')::m.word, 'b') IS NOT NULL}, q{((context->>'a')::m.word) COLLATE "C" IS NOT NULL},
	q{CASE (context->>'a')::m.word WHEN 'a' THEN true ELSE true END},
	q{xmlelement(name a, xmlattributes((context->>'a')::m.word AS b)) IS NOT NULL},
	qq{to_jsonb($e) IS NOT NULL}, qq{jsonb_build_object('a', $e) IS NOT NULL}, qq{to_jsonb(ROW($e)) IS NOT NULL}, qq{to_jsonb(ARRAY[$e]) IS NOT NULL},
	$version >= 16 ? (
		map { "$_ IS NOT NULL" } "JSON_ARRAY($e)", "JSON_ARRAY($e RETURNING jsonb)", "JSON_ARRAY(ARRAY[$e])", "JSON_ARRAY(ROW($e) RETURNING text)",
		"JSON_OBJECT('k': $e)", "JSON_OBJECT('k': $e RETURNING jsonb)", "JSON_OBJECT('k' VALUE $e ABSENT ON NULL WITH UNIQUE KEYS)",
		"JSON_ARRAY(($e)::text FORMAT JSON)", "CASE WHEN ($e)::text IS JSON THEN 1 END") : (),
	$version >= 17 ? (
		map { "$_ IS NOT NULL" } "JSON_SCALAR($e)", "JSON_SERIALIZE(JSON_SCALAR($e))", "JSON(($e)::text)",
		q{JSON_VALUE(context, '$.a' RETURNING m.word)}, q{JSON_QUERY(context, '$' RETURNING m.pair)}, q{JSON_QUERY(context, '$.a' RETURNING m.word OMIT QUOTES)},
		q{JSON_VALUE(context, '$.none' RETURNING m.word DEFAULT 'b' ON EMPTY)},
		q{JSON_VALUE(context, '$.none' DEFAULT (m.spy('behavior'))::text ON EMPTY)}) : ());
define_guards('spies', @cases);
my (undef, undef, $err) = $node->psql('postgres', join("\n", map { my $i = $_;
	(qq{DO \$\$ BEGIN RAISE NOTICE 'case $i'; END \$\$;}, (qq{SELECT workflow.send_by_key('spies', 'k', 'e$i');}) x 3,
	 qq{SELECT workflow.dry_run(workflow.find('spies', 'k'), 'e$i');}) } 0 .. $#cases) .
	q{DO $$ BEGIN RAISE NOTICE 'case all'; END $$; SELECT FROM workflow.available_events(workflow.find('spies', 'k'))}, on_error_stop => 0);
is(join("\n", $err =~ /^.*ERROR.*/mg), '', 'all of them are evaluated');
my (undef, @said) = split /NOTICE:\s+case (\w+)\n/, $err;
while (my ($case, $text) = splice(@said, 0, 2))
{
	my $what = $case eq 'all' ? 'available_events()' : $cases[$case];
	my %as;

	$as{$_}++ foreach $text =~ /NOTICE: .*? as (\w+)$/mg;
	is(join(' ', sort keys %as), 'mallory', "$what runs as its author");
	cmp_ok($as{mallory} // 0, '>=', 3, 'each time');
}

# What is no expression at all stays none.
my @refused = ('(SELECT true)', 'count(*) > 0', 'generate_series(1, 2) > 0', 'MERGE_ACTION() IS NULL', 'GROUPING(context) = 0',
	q{JSON_TABLE(context, '$' COLUMNS (a text)) IS NULL}, 'DEFAULT', 'CURRENT OF c', 'row_number() OVER () > 0');
my (undef, undef, $refusals) = $node->psql('postgres', join(';', map {
	qq{SELECT workflow.define(\$d\${"id": "none", "initial": "a", "states": {"a": {"on": {"e": {"guard": {"\@expr": "$_"}}}}}}\$d\$)} } @refused),
	on_error_stop => 0, extra_params => [ '-U', 'mallory' ]);
is(scalar(() = $refusals =~ /ERROR:  the definition has 1 fault/g), scalar(@refused), 'what is no expression of its own is refused');

$node->stop;
done_testing();
