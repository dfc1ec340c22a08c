// pgmq.mjs: pgmq, if PGMQ_SQL names its file pgmq.sql; it is in neither Debian
// nor npm, so it is left out otherwise.
//
// Settings: its functions (https://github.com/pgmq/pgmq) read and delete many
// messages at a time: here 1000, by two connections of one process for drains;
// where jobs come one by one, read_with_poll with an interval of 10 ms instead of
// 100 ms. `three` has three queues; taking from one and putting into the next is
// one transaction.

import { readFileSync } from 'node:fs';
import { connect } from '../server.mjs';
import { sleep } from '../clock.mjs';

export const name = 'pgmq';
export const shares = { drain: 1, three: 1, idle: 1, steady: 1, pinned: 1 };
export const processes = () => 1;
export const missing = () => (process.env.PGMQ_SQL ? '' : 'neither Debian nor npm has it, and PGMQ_SQL does not name its pgmq.sql');
export const version = () => process.env.PGMQ_VERSION || 'of PGMQ_SQL';

const queues_of = (measure) => (measure === 'three' ? ['one', 'two', 'three'] : ['job']);

export async function setup({ session, measure }) {
    await session.query('CREATE SCHEMA IF NOT EXISTS pgmq');
    await session.query(readFileSync(process.env.PGMQ_SQL, 'utf8'));
    for (const queue of queues_of(measure)) await session.query('SELECT pgmq.create($1)', [queue]);
}

export async function load({ session, measure }, n) {
    for (let low = 0; low < n; low += 10000) {
        await session.query(`SELECT count(*) FROM pgmq.send_batch($1,
            (SELECT array_agg(jsonb_build_object('number', i)) FROM generate_series($2::int, $3::int) i))`,
        [queues_of(measure)[0], low, Math.min(low + 10000, n) - 1]);
    }
}

export async function send(context, client, number) {
    await client.query({ name: 'send', text: `SELECT pgmq.send('job', jsonb_build_object('number', $1::int))`, values: [number] });
}

// Take a batch, and put it into the next queue if there is one.
async function take(client, read, queue, next, handle) {
    if (next) await client.query('BEGIN');
    const { rows } = await client.query({ name: 'read', text: read, values: [queue] });
    if (rows.length > 0) {
        handle(rows);
        if (next) {
            await client.query({ name: 'put', text: 'SELECT count(*) FROM pgmq.send_batch($1, $2::jsonb[])',
                values: [next, rows.map(({ message }) => JSON.stringify(message))] });
        }
        await client.query({ name: 'delete', text: 'SELECT count(*) FROM pgmq.delete($1, $2::bigint[])',
            values: [queue, rows.map(({ msg_id }) => msg_id)] });
    }
    if (next) await client.query('COMMIT');
    return rows.length > 0;
}

export async function start({ measure, place }, ran) {
    const queues = queues_of(measure);
    const one_by_one = measure === 'idle' || measure === 'steady';
    const read = one_by_one ? 'SELECT * FROM pgmq.read_with_poll($1, 120, 1000, 1, 10)' : 'SELECT * FROM pgmq.read($1, 120, 1000)';
    const work = measure === 'three' || one_by_one ? queues.map((_, i) => i) : [0, 0];
    const clients = await Promise.all(work.map(() => connect(place)));
    let going = true;

    async function consume(client, i) {
        const handle = (rows) => rows.forEach(({ message }) => ran(queues.length * message.number + i));
        while (going) {
            if (!(await take(client, read, queues[i], queues[i + 1], handle)) && !one_by_one) await sleep(10);
        }
        await client.end();
    }
    let loops = [];
    return {
        go: () => (loops = clients.map((client, k) => consume(client, work[k]))),
        async stop() {
            going = false;
            await Promise.all(loops);
        },
    };
}

// Messages are deleted when they are done.
export async function count({ session, measure }) {
    const queues = queues_of(measure).map((queue) => `SELECT FROM pgmq.q_${queue}`);
    const { rows } = await session.query(`SELECT count(*)::int AS left FROM (${queues.join(' UNION ALL ')}) q`);
    return rows[0];
}
