// worker.mjs: one worker process of a peer. Started by crew.mjs with what is
// wanted as JSON: adapter, measure, variant, place, size (how many runs have a
// number), tell (report each run, with its time).
//
// It says {ready} once it is connected, begins at 'go', {went} when it has, says
// {total} while it runs, and at 'stop' how often each number was run.

import { calibrate, now } from './clock.mjs';

const wanted = JSON.parse(process.argv[2]);
const adapter = await import(`./adapters/${wanted.adapter}.mjs`);
const runs = new Uint8Array(wanted.size);
let total = 0;
let told = 0;
let first = 0;

// What a handler calls, with the number of its job.
function ran(number) {
    if (wanted.tell) process.send({ number, at: now() });
    if (total === 0) first = now();
    runs[number]++;
    total++;
}

async function go() {
    await work.go();
    process.send({ went: true });
}

async function stop() {
    await work.stop();
    process.send({ runs, first }, () => process.exit(0));
}

calibrate();
const work = await adapter.start(wanted, ran);
setInterval(() => {
    if (total !== told) process.send({ total });
    told = total;
}, 10);
process.on('message', (message) => (message === 'go' ? go() : stop()));
process.on('disconnect', () => process.exit(1));
process.send({ ready: true });
