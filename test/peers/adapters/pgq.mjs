// pgq.mjs: PgQ and its ticker pgqd, Debian's packages.
//
// Settings: what makes it quick are ticker_period of pgqd(1), and ticker_max_lag
// and ticker_max_count of pgq.set_queue_config() (https://github.com/pgq): a look
// each 10 ms, a tick as soon as events are 10 ms old or a thousand; defaults are
// 1 s, 3 s, 500. One consumer for a queue, as PgQ means it, takes whole batches. It keeps no state of a single job, and
// knows no job for later. The consumer looks again 10 ms after it found nothing.

import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { sleep } from '../clock.mjs';
import { connect } from '../server.mjs';

export const name = 'PgQ';
export const shares = { drain: 1, three: 1, idle: 1, steady: 1, pinned: 1 };
export const processes = () => 1;
export const missing = () => (existsSync('/usr/bin/pgqd') ? '' : 'pgqd is not installed');

const queues_of = (measure) => (measure === 'three' ? ['one', 'two', 'three'] : ['job']);

export async function version({ session }) {
    const { rows } = await session.query(`SELECT extversion AS version FROM pg_extension WHERE extname = 'pgq'`);
    return rows[0].version;
}

export async function setup({ session, measure }) {
    await session.query('CREATE EXTENSION pgq');
    for (const queue of queues_of(measure)) {
        await session.query('SELECT pgq.create_queue($1)', [queue]);
        await session.query(`SELECT pgq.register_consumer($1, 'peer')`, [queue]);
        for (const [name, value] of Object.entries({ ticker_max_lag: '10 ms', ticker_max_count: '1000', ticker_idle_period: '1 s' })) {
            await session.query('SELECT pgq.set_queue_config($1, $2, $3)', [queue, name, value]);
        }
    }
}

export async function load({ session, measure }, n) {
    const queue = queues_of(measure)[0];
    for (let low = 0; low < n; low += 10000) {
        await session.query(`SELECT count(pgq.insert_event($1, 'job', i::text)) FROM generate_series($2::int, $3::int) i`,
            [queue, low, Math.min(low + 10000, n) - 1]);
        await session.query('SELECT pgq.ticker($1)', [queue]);
    }
}

export async function send(context, client, number) {
    await client.query({ name: 'send', text: `SELECT pgq.insert_event('job', 'job', $1)`, values: [String(number)] });
}

function start_ticker({ host, port, database }) {
    const file = `${process.env.PLACE}/pgqd`;
    writeFileSync(`${file}.ini`, `[pgqd]
logfile = ${file}.log
pidfile = ${file}.pid
base_connstr = host=${host} port=${port} user=postgres
initial_database = ${database}
database_list = ${database}
ticker_period = 0.01
syslog = 0
`);
    const ticker = spawn('/usr/bin/pgqd', ['-q', `${file}.ini`], { stdio: 'ignore' });
    process.on('exit', () => ticker.kill()); // it is not to outlive us, whatever ends us
    return ticker;
}

// One batch, if there is one; in a transaction with what is put into the next queue.
async function take(client, queue, next, handle) {
    const { rows: [{ batch }] } = await client.query({ name: 'next', text: `SELECT pgq.next_batch($1, 'peer') AS batch`, values: [queue] });
    if (batch === null) return false;
    const { rows } = await client.query({ name: 'events', text: 'SELECT ev_data FROM pgq.get_batch_events($1)', values: [batch] });
    handle(rows);
    if (next) await client.query('BEGIN');
    if (next) {
        await client.query({ name: 'put', text: `SELECT count(pgq.insert_event($1, 'job', d)) FROM unnest($2::text[]) d`,
            values: [next, rows.map(({ ev_data }) => ev_data)] });
    }
    await client.query({ name: 'finish', text: 'SELECT pgq.finish_batch($1)', values: [batch] });
    if (next) await client.query('COMMIT');
    return true;
}

export async function start({ measure, place }, ran) {
    const queues = queues_of(measure);
    const clients = await Promise.all(queues.map(() => connect(place)));
    const ticker = start_ticker(place);
    let going = true;

    async function consume(client, i) {
        const handle = (rows) => rows.forEach(({ ev_data }) => ran(queues.length * Number(ev_data) + i));
        while (going) {
            if (!(await take(client, queues[i], queues[i + 1], handle))) await sleep(10);
        }
        await client.end();
    }
    let loops = [];
    await sleep(500); // until pgqd has connected
    return {
        go: () => (loops = clients.map(consume)),
        async stop() {
            going = false;
            await Promise.all(loops);
            ticker.kill();
        },
    };
}

// Ended batches are only ended batches; tables are rotated later.
export async function count({ session }) {
    const { rows } = await session.query('SELECT coalesce(sum(pending_events), 0)::int AS left FROM pgq.get_consumer_info()');
    return rows[0];
}
