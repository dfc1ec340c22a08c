// measures.mjs: one turn of one side in each measure. A turn finds an empty
// database that the adapter has set up, and returns what the side reached,
// {name: number}; it throws unless everything ran exactly once.

import { calibrate, now, sleep } from './clock.mjs';
import { crew, until_done } from './crew.mjs';
import { TICK, connect, ticks_of, ticks_of_family } from './server.mjs';

// ---- what they have in common ---------------------------------------------------

export function percentile(numbers, percent) {
    const sorted = [...numbers].sort((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)];
}

async function settle({ session }) {
    await session.query('ANALYZE');
    await session.query('CHECKPOINT');
}

// CPU seconds so far of the workers and of the server, without the sessions that
// enqueue, and without those that measure.
function cpu(context, workers, others = []) {
    const ours = [context.session, context.admin, ...others].reduce((sum, client) => sum + ticks_of(client.processID), 0);
    return (ticks_of_family(context.postmaster) + workers.ticks() - ours) * TICK;
}

// The workers counted by number; the database counts what it has kept.
async function verify(adapter, context, workers, jobs, steps) {
    const runs = workers.runs();
    const { left, done } = await adapter.count(context, true);
    const wrong = runs ? runs.reduce((sum, n) => sum + (n !== 1), 0) : 0;
    if (wrong > 0) throw new Error(`${wrong} of ${jobs * steps} did not run exactly once`);
    if (left !== 0) throw new Error(`${left} are left`);
    if (done !== undefined && done !== jobs) throw new Error(`${done} of ${jobs} are done`);
}

// Let the workers go on what is loaded; the milliseconds that they take, counted
// from an instant if one is named.
async function work_off(adapter, context, workers, jobs, steps, instant) {
    const used = cpu(context, workers);
    let began = performance.now();
    await workers.go();
    if (adapter.launches) began = performance.now();
    const from = instant ? began + (instant - now()) : began;
    const ended = await until_done(adapter, context, workers, jobs * steps, context.patience);
    const seconds = cpu(context, workers) - used;
    return { ms: ended - from, cpu_us: (seconds * 1e6) / jobs };
}

// ---- drain, three, pinned ---------------------------------------------------------

async function drain_of(adapter, context, steps) {
    await adapter.load(context, context.n);
    await settle(context);
    const workers = await crew(adapter, context);
    try {
        const { ms, cpu_us } = await work_off(adapter, context, workers, context.n, steps);
        await workers.stop();
        await verify(adapter, context, workers, context.n, steps);
        return { [context.measure]: context.n / (ms / 1000), [`${context.measure}_cpu`]: cpu_us };
    } finally {
        await workers.stop();
    }
}

export const drain = (adapter, context) => drain_of(adapter, context, 1);
export const three = (adapter, context) => drain_of(adapter, context, 3);

// Another session holds a snapshot that is older than the jobs.
export async function pinned(adapter, context) {
    const holder = await connect(context.place);
    await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await holder.query('SELECT 1');
    try {
        return await drain_of(adapter, context, 1);
    } finally {
        await holder.end();
    }
}

// ---- instant ----------------------------------------------------------------------

// The workers are idle, then everything is due at once.
export async function instant(adapter, context) {
    calibrate();
    const lead = 6000 + context.n / 4;
    const due = adapter.next_instant ? adapter.next_instant(now() + lead) : Math.ceil((now() + lead) / 1000) * 1000;
    await adapter.load(context, context.n, due);
    await settle(context);
    const workers = await crew(adapter, context);
    try {
        const went = work_off(adapter, context, workers, context.n, 1, due);
        if (due - now() < 1000) throw new Error('loading took too long: nobody was idle before the instant');
        const { ms } = await went;
        await workers.stop();
        await verify(adapter, context, workers, context.n, 1);
        const first = adapter.first ? await adapter.first(context) : workers.first();
        if (first < due - 1) throw new Error(`the first one ran ${due - first} ms early`);
        return { instant: context.n / (ms / 1000), instant_first: first - due };
    } finally {
        await workers.stop();
    }
}

// ---- idle ---------------------------------------------------------------------------

// One job at a time, to workers that have nothing else: from sending it, and from
// the acknowledged commit, to the first statement of the handler.
export async function idle(adapter, context) {
    const waiting = new Map();
    const workers = await crew(adapter, { ...context, tell: true }, (number, at) => waiting.get(number)?.(at));
    const client = await connect(context.place);
    const from_sending = [];
    const from_commit = [];
    const warm = 30;
    calibrate();
    try {
        workers.go();
        await sleep(adapter.warming ?? 1500);
        for (let number = 0; number < context.n; number++) {
            await sleep(5 + Math.random() * 30);
            const arrives = new Promise((at) => waiting.set(number, at));
            const sent = now();
            await adapter.send(context, client, number);
            const committed = now();
            const at = await (adapter.seen ? adapter.seen(context, number) : arrives);
            waiting.delete(number);
            if (number < warm) continue;
            from_sending.push(at - sent);
            from_commit.push(at - committed);
        }
        await until_done(adapter, context, workers, context.n, context.patience);
        await workers.stop();
        await verify(adapter, context, workers, context.n, 1);
    } finally {
        await workers.stop();
        await client.end();
    }
    return {
        idle: percentile(from_sending, 50),
        idle_p99: percentile(from_sending, 99),
        idle_commit: percentile(from_commit, 50),
        idle_commit_p99: percentile(from_commit, 99),
    };
}

// ---- steady -------------------------------------------------------------------------

// Jobs from..to at a steady pace, each a transaction of its own; a client that is
// late makes up for it. Returns how many a second it became.
async function enqueue(adapter, context, clients, from, to, rate) {
    const began = performance.now();
    await Promise.all(
        clients.map(async (client, i) => {
            for (let number = from + i; number < to; number += clients.length) {
                const wait = began + ((number - from) * 1000) / rate - performance.now();
                if (wait > 0) await sleep(wait);
                await adapter.send(context, client, number);
            }
        }),
    );
    return ((to - from) * 1000) / (performance.now() - began);
}

// CPU of server and workers, without the sessions that enqueue.
export async function steady(adapter, context) {
    const { n, rate } = context;
    const warm = Math.min(3 * rate, n / 2);
    const workers = await crew(adapter, context);
    const clients = await Promise.all(Array.from({ length: 8 }, () => connect(context.place)));
    try {
        workers.go();
        await sleep(adapter.warming ?? 1500);
        await enqueue(adapter, context, clients, 0, warm, rate);
        await sleep(500);
        const used = cpu(context, workers, clients);
        const began = performance.now();
        const steady_rate = await enqueue(adapter, context, clients, warm, n, rate);
        const ended = await until_done(adapter, context, workers, n, context.patience);
        const seconds = cpu(context, workers, clients) - used;
        await workers.stop();
        await verify(adapter, context, workers, n, 1);
        return { steady: (seconds * 1e6) / (n - warm), steady_core: (seconds * 100000) / (ended - began), steady_rate };
    } finally {
        await workers.stop();
        await Promise.all(clients.map((client) => client.end()));
    }
}
