// workflow.mjs: ours. The workers are in the server: as many executors as there
// are cores, see the settings of the cluster in peers/run; all else is default.
//
// What a job is: a process of one step, made by start_many(at), whose handler is
// an SQL function that does nothing; in the variant `expr` an assignment of an
// expression; in the variant `post` an event posted to a process that waits for
// it, handled by the function; in the variant `job` a run of an atomic job, whose
// command is a function that does nothing. In `three` each step writes a row, which the
// peers' handlers do not; in `idle` the handler writes down when it began.

import { sleep } from '../clock.mjs';
import { set } from '../server.mjs';

export const name = 'workflow';
export const shares = { drain: 1, three: 1, idle: 1, steady: 1, instant: 1, pinned: 1 };
export const variants = (measure) => (measure === 'drain' ? ['', 'expr', 'post', 'job'] : ['']);

export async function version({ session }) {
    const { rows } = await session.query('SELECT workflow.library_version() AS version');
    return rows[0].version;
}

const functions = `
    CREATE TABLE peers.seen (number int, at timestamptz);
    CREATE TABLE peers.row (number int, step int, at timestamptz DEFAULT clock_timestamp());
    CREATE FUNCTION peers.nothing(context jsonb, event jsonb) RETURNS void LANGUAGE sql AS '';
    CREATE FUNCTION peers.nothing(params jsonb) RETURNS void LANGUAGE sql AS '';
    CREATE FUNCTION peers.see(context jsonb, event jsonb) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO peers.seen VALUES ((context->>'number')::int, clock_timestamp()); END $$;
    CREATE FUNCTION peers.write(context jsonb, event jsonb, params jsonb) RETURNS void LANGUAGE sql AS $$
        INSERT INTO peers.row VALUES ((context->>'number')::int, (params->>'step')::int) $$;`;

const step = (n, target) => ({ after: { 0: { target, actions: { type: 'peers.write', params: { step: n } } } } });
const definitions = [
    { id: 'function', initial: 'run', states: { run: { type: 'final', entry: 'peers.nothing' } } },
    { id: 'expr', initial: 'run', states: { run: { type: 'final', entry: { type: 'assign', context: { n: { '@expr': '1' } } } } } },
    { id: 'post', initial: 'wait', states: { wait: { on: { go: { target: 'run', actions: 'peers.nothing' } } }, run: { type: 'final' } } },
    { id: 'see', initial: 'run', states: { run: { type: 'final', entry: 'peers.see' } } },
    { id: 'three', initial: 'one', states: { one: step(1, 'two'), two: step(2, 'three'), three: step(3, 'done'), done: { type: 'final' } } },
];

const definition_of = ({ measure, variant }) => ({ three: 'three', idle: 'see' })[measure] ?? (variant || 'function');

export async function setup({ session, admin }) {
    await set(admin, 'workflow.enabled', 'on');
    await session.query('CREATE EXTENSION workflow');
    await session.query(`DO $$ BEGIN
        IF to_regrole('peers') IS NULL THEN CREATE ROLE peers LOGIN; GRANT workflow_user TO peers; END IF; END $$`);
    await session.query('CREATE SCHEMA peers AUTHORIZATION peers');
    await session.query('SET ROLE peers');
    await session.query(functions);
    for (const definition of definitions) await session.query('SELECT workflow.define($1)', [JSON.stringify(definition)]);
    await session.query(`SELECT workflow.create_job('job', 'peers.nothing')`);
    await session.query('RESET ROLE');
}

// Nothing is taken until the workers are let go.
async function hold({ session, admin }) {
    await set(admin, 'workflow.enabled', 'off');
    for (;;) {
        const { rows } = await session.query(`SELECT FROM workflow.activity WHERE kind = 'executor' AND state = 'busy'`);
        if (rows.length === 0) return;
        await sleep(20);
    }
}

export async function load(context, n, due) {
    const { session } = context;
    await hold(context);
    await session.query('SET ROLE peers');
    for (let low = 1; low <= n; low += 10000) {
        const high = Math.min(low + 9999, n);
        if (context.variant === 'job') {
            await session.query(`SELECT count(*) FROM workflow.run_jobs('job',
                (SELECT array_agg(jsonb_build_object('number', i)) FROM generate_series($1::int, $2::int) i))`, [low, high]);
            continue;
        }
        const at = context.variant === 'post' || context.measure === 'three' ? 'NULL' : due ? `to_timestamp(${due / 1000})` : 'now()';
        const post = context.variant === 'post' ? `, workflow.post(id, 'go')` : '';
        await session.query(`SELECT count(*) FROM (SELECT id ${post} FROM workflow.start_many($1,
            (SELECT array_agg(jsonb_build_object('number', i)) FROM generate_series($2::int, $3::int) i), at => ${at}) id
            OFFSET 0) AS started`, [definition_of(context), low, high]);
    }
    await session.query('RESET ROLE');
}

export async function send(context, client, number) {
    await client.query({
        name: 'send',
        text: 'SELECT workflow.start($1, $2, at => now())',
        values: [definition_of(context), JSON.stringify({ number })],
    });
}

export async function start(context) {
    const { session, admin } = context;
    context.before = 0;
    context.before = await total(context);
    return {
        go: () => set(admin, 'workflow.enabled', 'on'),
        stop: async () => {},
    };
}

// Steps that the executors count themselves, which costs them nothing.
export async function total({ session, before }) {
    const { rows } = await session.query(`SELECT coalesce(sum(steps), 0)::int AS n FROM workflow.activity WHERE kind = 'executor'`);
    return rows[0].n - before;
}

export async function seen({ session }, number) {
    await sleep(8);
    for (;;) {
        const { rows } = await session.query('SELECT extract(epoch FROM at)::float8 * 1000 AS at FROM peers.seen WHERE number = $1', [number]);
        if (rows.length > 0) return rows[0].at;
        await sleep(3);
    }
}

export async function first({ session }) {
    const { rows } = await session.query('SELECT extract(epoch FROM min(at))::float8 * 1000 AS at FROM workflow.history WHERE event IS NOT NULL');
    return rows[0].at;
}

// Every process is over; in `three` every step wrote its row, once, in a
// transaction of its own.
const whole = {
    three: `SELECT count(*)::int AS n FROM (SELECT FROM peers.row GROUP BY number
        HAVING array_agg(step ORDER BY step) = '{1,2,3}' AND count(DISTINCT xmin::text) = 3) r`,
    idle: 'SELECT count(DISTINCT number)::int AS n FROM peers.seen HAVING count(*) = count(DISTINCT number)',
};

export async function count({ session, measure, variant }, thorough) {
    const left = await session.query(`SELECT count(*)::int AS n FROM workflow.${variant === 'job' ? 'run' : 'timer'}`);
    if (!thorough) return { left: left.rows[0].n };
    if (variant === 'job') {
        const ended = await session.query(`SELECT count(DISTINCT run)::int AS n FROM workflow.run_history WHERE state = 3`);
        return { left: left.rows[0].n, done: ended.rows[0].n };
    }
    const done = await session.query(`SELECT count(*)::int AS n FROM workflow.process WHERE status = 'finalized'`);
    const proof = whole[measure] && (await session.query(whole[measure]));
    return { left: left.rows[0].n, done: proof ? Math.min(done.rows[0].n, proof.rows[0].n) : done.rows[0].n };
}
