// crew.mjs: the workers of one side, as the driver sees them. A peer's are
// processes of worker.mjs; ours, and pg_cron's, are in the server, and the
// adapter says itself how far they are.

import { fork } from 'node:child_process';
import { sleep } from './clock.mjs';
import { ticks_of_family } from './server.mjs';

const here = import.meta.dirname;

function hire(wanted, saw) {
    const process = fork(`${here}/worker.mjs`, [JSON.stringify(wanted)], { serialization: 'advanced' });
    const worker = { process, total: 0 };
    worker.ready = new Promise((ready, failed) => {
        process.on('message', (message) => {
            if (message.ready) ready();
            if (message.total) worker.total = message.total;
            if (message.number !== undefined) saw(message.number, message.at);
            if (message.runs) Object.assign(worker, message);
        });
        process.on('exit', (code) => {
            worker.failed = code !== 0;
            failed(new Error(`a worker of ${wanted.adapter} ended`));
        });
    });
    worker.went = new Promise((went) => process.on('message', (message) => message.went && went()));
    worker.gone = new Promise((gone) => process.on('exit', gone));
    return worker;
}

function of_processes(adapter, wanted, saw) {
    const how_many = adapter.processes(wanted.measure);
    const workers = Array.from({ length: how_many }, () => hire(wanted, saw));
    return {
        ready: () => Promise.all(workers.map((worker) => worker.ready)),
        // Who must be launched to begin is waited for; a launch is not what is measured.
        async go() {
            workers.forEach((worker) => worker.process.send('go'));
            if (adapter.launches) await Promise.all(workers.map((worker) => worker.went));
        },
        async total() {
            if (workers.some((worker) => worker.failed)) throw new Error(`a worker of ${adapter.name} ended`);
            return workers.reduce((sum, worker) => sum + worker.total, 0);
        },
        ticks: () => workers.reduce((sum, worker) => sum + ticks_of_family(worker.process.pid), 0),
        async stop() {
            workers.forEach((worker) => worker.process.connected && worker.process.send('stop'));
            const late = setTimeout(() => workers.forEach((worker) => worker.process.kill('SIGKILL')), 15000);
            await Promise.all(workers.map((worker) => worker.gone));
            clearTimeout(late);
        },
        // How often each number was run, by all of them; when the first one was.
        runs() {
            if (workers.some((worker) => !worker.runs)) throw new Error(`a worker of ${adapter.name} does not say what it ran`);
            return workers.map((worker) => worker.runs).reduce((a, b) => a.map((n, i) => n + b[i]));
        },
        first: () => Math.min(...workers.map((worker) => worker.first || Infinity)),
    };
}

async function of_server(adapter, context) {
    const work = await adapter.start(context);
    return {
        ready: async () => {},
        go: () => work.go(),
        total: () => adapter.total(context),
        ticks: () => 0,
        stop: () => work.stop(),
        runs: () => null,
        first: () => Infinity,
    };
}

export async function crew(adapter, context, saw = () => {}) {
    if (!adapter.processes) return of_server(adapter, context);
    const { measure, variant, place, size, tell } = context;
    const workers = of_processes(adapter, { adapter: context.adapter, measure, variant, place, size, tell }, saw);
    await workers.ready();
    return workers;
}

// Until the workers have run so many jobs and the database has none left. The
// clock stops before the question whose answer is that nothing is left.
export async function until_done(adapter, context, workers, jobs, patience) {
    const limit = performance.now() + patience * 1000;
    for (;;) {
        const at = performance.now();
        if ((await workers.total()) >= jobs && (await adapter.count(context)).left === 0) return at;
        if (at > limit) throw new Error(`${context.side}, ${context.measure}: ${await workers.total()} of ${jobs} in ${patience} s`);
        await sleep(5);
    }
}
