// dbos.mjs: DBOS Transact for TypeScript, from npm.
//
// Settings, from https://docs.dbos.dev/typescript/reference/queues and its page on
// configuration: one queue with workerConcurrency 500, so that a dequeue takes
// many, minPollingIntervalMs 50 instead of 1000, since an idle queue is polled,
// and a pool of 20. One process. A job is a workflow whose function does nothing;
// in `three` it has three steps. To load many, one is enqueued by the client and
// its row is copied in SQL, because the client enqueues them one by one.
//
// A launched DBOS takes what there is, so it is launched when it may begin, and
// the clock starts after that.

import dbos from '@dbos-inc/dbos-sdk';
import { version_of } from '../npm.mjs';

const { DBOS, DBOSClient } = dbos;

export const name = 'DBOS';
export const shares = { drain: 0.05, three: 0.07, idle: 1, steady: 1, instant: 0.1, pinned: 0.05 };
export const processes = () => 1;
export const launches = true;
export const version = () => version_of('@dbos-inc/dbos-sdk');

const config = ({ url }) => ({
    name: 'peers',
    systemDatabaseUrl: url,
    systemDatabasePoolSize: 20,
    applicationVersion: 'peers',
    runAdminServer: false,
    logLevel: 'error',
});
const job = ({ measure }) => ({ workflowName: measure === 'three' ? 'three' : 'job', queueName: 'peers', appVersion: 'peers' });

// The tables come with the first launch.
export async function setup({ place }) {
    DBOS.setConfig(config(place));
    await DBOS.launch();
    await DBOS.registerQueue('peers', { workerConcurrency: 500, minPollingIntervalMs: 50 });
    await DBOS.shutdown();
}

// The client of DBOS on a session of ours, so that the session does what it does.
async function client_on(session) {
    const pool = {
        options: { max: 1 },
        connect: async () => Object.assign(session, { release() {} }),
        query: (...query) => session.query(...query),
        on() {},
        end: async () => {},
    };
    return DBOSClient.create({ systemDatabaseUrl: 'postgresql://unused', systemDatabasePool: pool });
}

const clients = new WeakMap();

export async function send(context, session, number, more = {}) {
    if (!clients.has(session)) clients.set(session, client_on(session));
    const client = await clients.get(session);
    await client.enqueue({ ...job(context), ...more }, number);
}

// Copies of a row of the client's, that differ in their id; so do those of its input.
const copies = (table, columns, row) => `
    INSERT INTO dbos.${table} (workflow_uuid, ${columns.map((name) => `"${name}"`).join(', ')})
    SELECT 'job ' || i, ${columns.map((name) => (name === 'inputs' ? `replace(t.inputs, '[0]', '[' || i || ']')` : `t."${name}"`)).join(', ')}
    FROM dbos.${table} t, generate_series($1::int, $2::int) i WHERE t.workflow_uuid = '${row.workflow_uuid}'`;

// One job is the client's, with the number 0; the others are copies of it.
export async function load(context, n, due) {
    const { session } = context;
    await send(context, session, 0, due ? { delaySeconds: 1000 } : {});
    if (due) await session.query('UPDATE dbos.workflow_status SET delay_until_epoch_ms = $1', [due]);
    const tables = [];
    for (const table of ['workflow_status', 'workflow_input']) {
        const { rows: [row] } = await session.query(`SELECT * FROM dbos.${table}`);
        tables.push(copies(table, Object.keys(row).filter((name) => name !== 'workflow_uuid'), row));
    }
    for (let low = 1; low < n; low += 10000) {
        for (const insert of tables) await session.query(insert, [low, Math.min(low + 9999, n - 1)]);
    }
}

function register(ran) {
    DBOS.registerWorkflow(async (number) => ran(number), { name: 'job' });
    DBOS.registerWorkflow(
        async (number) => {
            for (let i = 0; i < 3; i++) await DBOS.runStep(async () => ran(3 * number + i), { name: `step ${i}` });
        },
        { name: 'three' },
    );
}

export async function start({ place }, ran) {
    register(ran);
    DBOS.setConfig(config(place));
    return {
        go: () => DBOS.launch(),
        stop: () => DBOS.shutdown(),
    };
}

// Workflows that are over stay.
export async function count({ session }) {
    const { rows } = await session.query(`SELECT
        count(*) FILTER (WHERE status IN ('ENQUEUED', 'PENDING', 'DELAYED'))::int AS left,
        count(*) FILTER (WHERE status = 'SUCCESS')::int AS done FROM dbos.workflow_status`);
    return rows[0];
}
