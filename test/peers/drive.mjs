// drive.mjs: who is measured in what, and whose turn it is. Appends a JSON line
// for each turn to the file that it is given; what goes wrong is said on stderr,
// and in the line.
//
// Sides take turns within a round, so that each round has a ratio of its own: a
// machine that is busier later is busier for all. Who begins changes from round
// to round. Each turn has a database of its own, which is new.

import { appendFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import * as measures from './measures.mjs';
import { connect, drop, place_of, postmaster, recreate } from './server.mjs';

const [, , file] = process.argv;
const put = (line) => appendFileSync(file, `${JSON.stringify(line)}\n`);
const number_of = (name) => Number(process.env[name]);
const words = (name) => process.env[name].split(/\s+/).filter(Boolean);

// How many jobs, for an adapter whose share of a measure is 1.
const sizes = {
    drain: number_of('N'),
    three: number_of('WORKFLOWS'),
    idle: number_of('EVENTS'),
    steady: number_of('RATE') * number_of('STEADY_TIME'),
    instant: number_of('INSTANT'),
    pinned: number_of('N'),
};
const steps_of = { three: 3 };

// The sides of a measure: peers have one, we may have some.
async function sides_of(measure) {
    const sides = [];
    for (const name of words('PEERS')) {
        const adapter = await import(`./adapters/${name}.mjs`);
        const share = adapter.shares[measure];
        if (share === undefined || adapter.missing?.()) continue;
        for (const variant of adapter.variants?.(measure) ?? ['']) {
            sides.push({ side: variant ? `${name}_${variant}` : name, name, variant, adapter, share });
        }
    }
    return sides;
}

function size_of(measure, share) {
    return measure === 'idle' || measure === 'steady' ? sizes[measure] : Math.max(100, Math.round(sizes[measure] * share));
}

// A new database, unless a peer's must stay.
async function open(admin, { adapter }) {
    const place = place_of(adapter.database ?? 'peers_turn');
    if (!adapter.database) await recreate(admin, place.database);
    return place;
}

async function close(admin, adapter, context) {
    await adapter.finish?.(context);
    await context.session.end();
    if (!adapter.database) await drop(admin, context.place.database);
}

async function turn(admin, measure, side) {
    const { adapter } = side;
    const n = size_of(measure, side.share);
    const place = await open(admin, side);
    const context = {
        side: side.side, adapter: side.name, variant: side.variant, measure, place, n, size: n * (steps_of[measure] ?? 1),
        admin, session: await connect(place), postmaster: await postmaster(admin),
        rate: number_of('RATE'), patience: number_of('LIMIT'),
    };
    try {
        await adapter.setup(context);
        const reached = await measures[measure](adapter, context);
        return { n, version: await adapter.version(context), reached };
    } finally {
        await close(admin, adapter, context);
    }
}

async function note_turn(admin, round, measure, side) {
    const line = { round, measure, side: side.side, name: side.adapter.name, load: loadavg()[0] };
    try {
        Object.assign(line, await turn(admin, measure, side));
        const said = Object.entries(line.reached).map(([name, value]) => `${name} ${value.toPrecision(4)}`);
        console.error(`round ${round}, ${side.side}: ${said.join(', ')}`);
    } catch (error) {
        line.failed = error.message;
        process.exitCode = 1;
        console.error(`round ${round}, ${side.side}, ${measure}: FAILED: ${process.env.TRACE ? error.stack : error.message}`);
    }
    put(line);
}

async function note_missing() {
    for (const name of words('PEERS')) {
        const adapter = await import(`./adapters/${name}.mjs`);
        const missing = adapter.missing?.();
        if (!missing) continue;
        console.error(`${adapter.name} is left out: ${missing}`);
        put({ name: adapter.name, missing });
    }
}

const admin = await connect(place_of('postgres'));
const { rows: [{ server }] } = await admin.query(`SELECT current_setting('server_version') AS server`);
put({ server: server.split(' ')[0] });
await note_missing();
for (let round = 1; round <= number_of('ROUNDS'); round++) {
    for (const measure of words('MEASURES')) {
        const sides = await sides_of(measure);
        const first = (round - 1) % Math.max(1, sides.length);
        for (const side of [...sides.slice(first), ...sides.slice(0, first)]) {
            await note_turn(admin, round, measure, side);
        }
    }
}
await admin.end();
