// pg_boss.mjs: pg-boss, from npm.
//
// Settings, from the project's pages on workers, queues and the constructor
// (https://pgboss.io, "API"): batches of 1000
// taken again without a pause while they are full (burstWhenBatchFull), LISTEN
// with NOTIFY so that idle workers hear of a job at once (useListenNotify, and
// notify of the queue), polls at the least interval there is, 0.5 s, instead of
// 2 s; four workers of one process for drains, two for each of the three queues,
// one where jobs come one by one.

import { PgBoss } from 'pg-boss';
import { version_of } from '../npm.mjs';

export const name = 'pg-boss';
export const shares = { drain: 0.5, three: 0.25, idle: 1, steady: 1, instant: 0.5, pinned: 0.5 };
export const processes = () => 1;
export const version = () => version_of('pg-boss');

const queues_of = (measure) => (measure === 'three' ? ['one', 'two', 'three'] : ['job']);
const concurrency = { drain: 4, instant: 4, pinned: 4, three: 2 };

function boss_of({ host, port, user, password, database }, more) {
    const boss = new PgBoss({ host, port, user, password, database, max: 10, ...more });
    boss.on('error', (error) => console.error(`pg-boss: ${error.message}`));
    return boss;
}

// A client of pg-boss that does nothing by itself.
const passive = { supervise: false, schedule: false };

export const finish = ({ boss }) => boss.stop({ graceful: false });

export async function setup(context) {
    const boss = boss_of(context.place, passive);
    await boss.start();
    for (const queue of queues_of(context.measure)) await boss.createQueue(queue, { notify: true });
    context.boss = boss;
}

export async function load({ boss, measure }, n, due) {
    const more = due ? { startAfter: new Date(due) } : {};
    for (let low = 0; low < n; low += 10000) {
        const jobs = Array.from({ length: Math.min(10000, n - low) }, (_, i) => ({ data: { number: low + i }, ...more }));
        await boss.insert(queues_of(measure)[0], jobs);
    }
}

// In the session of the client.
export async function send({ boss }, client, number) {
    await boss.send('job', { number }, { db: { executeSql: (text, values) => client.query(text, values) } });
}

function handler_of(boss, measure, ran, queue, i) {
    const queues = queues_of(measure);
    const next = queues[i + 1];
    return async (jobs) => {
        for (const { data } of jobs) ran(queues.length * data.number + i);
        if (next) await boss.insert(next, jobs.map(({ data }) => ({ data })));
    };
}

export async function start({ measure, place }, ran) {
    const boss = boss_of(place, { useListenNotify: true });
    const options = {
        batchSize: 1000,
        localConcurrency: concurrency[measure] ?? 1,
        burstWhenBatchFull: true,
        pollingIntervalSeconds: 0.5,
        notifyPollingIntervalSeconds: 0.5,
    };
    await boss.start();
    return {
        async go() {
            for (const [i, queue] of queues_of(measure).entries()) {
                await boss.work(queue, options, handler_of(boss, measure, ran, queue, i));
            }
        },
        stop: () => boss.stop({ graceful: false }),
    };
}

// Jobs that are done stay, for a week.
export async function count({ session }) {
    const { rows } = await session.query(`SELECT
        count(*) FILTER (WHERE state < 'completed')::int AS left,
        count(*) FILTER (WHERE state = 'completed' AND name IN ('job', 'three'))::int AS done FROM pgboss.job`);
    return rows[0];
}
