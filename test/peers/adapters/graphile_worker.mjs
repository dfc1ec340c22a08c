// graphile_worker.mjs: graphile-worker, from npm.
//
// Settings: those of the project's own page on performance,
// https://worker.graphile.org/docs/performance: 24 concurrent jobs, a pool of 25,
// a local queue of 500, completions and failures batched without a delay. That page
// measures with several instances: drains have two processes here. Jobs of one
// instant are found by a poll: pollInterval is 100 ms for them instead of 2 s.

import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import { version_of } from '../npm.mjs';

export const name = 'graphile-worker';
export const shares = { drain: 1, three: 0.1, idle: 1, steady: 1, instant: 0.5, pinned: 1 };
export const processes = (measure) => (['drain', 'instant', 'pinned'].includes(measure) ? 2 : 1);
export const version = () => version_of('graphile-worker');

const quiet = new Logger(() => () => {});

export async function setup(context) {
    context.utils = await makeWorkerUtils({ connectionString: context.place.url, logger: quiet });
    await context.utils.migrate();
    await context.utils.release();
}

const first_task = ({ measure }) => (measure === 'three' ? 'one' : 'job');

export async function load(context, n, due) {
    for (let low = 0; low < n; low += 10000) {
        await context.session.query(`SELECT count(*) FROM graphile_worker.add_jobs(ARRAY(
            SELECT json_populate_record(NULL::graphile_worker.job_spec, json_build_object(
                'identifier', $1::text, 'payload', json_build_object('number', i), 'run_at', $4::timestamptz))
            FROM generate_series($2::int, $3::int) i))`,
        [first_task(context), low, Math.min(low + 10000, n) - 1, due ? new Date(due) : null]);
    }
}

export async function send(context, client, number) {
    await client.query({
        name: 'send',
        text: `SELECT graphile_worker.add_job('job', json_build_object('number', $1::int))`,
        values: [number],
    });
}

// Three tasks, the handler of each adds the job of the next one.
const tasks = (ran) => ({
    job: ({ number }) => ran(number),
    one: ({ number }, { addJob }) => (ran(3 * number), addJob('two', { number })),
    two: ({ number }, { addJob }) => (ran(3 * number + 1), addJob('three', { number })),
    three: ({ number }) => ran(3 * number + 2),
});

export async function start({ measure, place }, ran) {
    const worker = {
        connectionString: place.url,
        concurrentJobs: 24,
        maxPoolSize: 25,
        localQueue: { size: 500 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
        pollInterval: measure === 'instant' ? 100 : 2000,
        logger: quiet,
    };
    let runner;
    return {
        go: async () => (runner = await run({ preset: { worker }, taskList: tasks(ran), noHandleSignals: true })),
        stop: () => runner?.stop(),
    };
}

// Jobs are deleted when they are done.
export async function count({ session }) {
    const { rows } = await session.query('SELECT count(*)::int AS n FROM graphile_worker._private_jobs');
    return { left: rows[0].n };
}
