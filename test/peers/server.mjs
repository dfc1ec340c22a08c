// server.mjs: the server that all share, as the driver sees it: its sessions,
// its databases, and the CPU time that it has taken.

import { readFileSync, readdirSync } from 'node:fs';
import pg from 'pg';

pg.types.setTypeParser(pg.types.builtins.INT8, Number);

const { PGHOST, PGPORT } = process.env;
const socket = encodeURIComponent(PGHOST);

// What a client needs: as pg's settings, and as the URL that some peers insist on.
export function place_of(database) {
    return {
        host: PGHOST,
        port: Number(PGPORT),
        user: 'postgres',
        password: '', // some peers insist on it; the socket's directory is ours alone
        database,
        url: `postgresql://postgres@localhost:${PGPORT}/${database}?host=${socket}`,
    };
}

export async function connect({ host, port, user, database }) {
    const client = new pg.Client({ host, port, user, database });
    await client.connect();
    return client;
}

// ---- databases --------------------------------------------------------------

const quote = (name) => `"${name.replaceAll('"', '""')}"`;

export async function recreate(admin, database) {
    await drop(admin, database);
    await admin.query(`CREATE DATABASE ${quote(database)}`);
}

export async function drop(admin, database) {
    await admin.query(`DROP DATABASE IF EXISTS ${quote(database)} WITH (FORCE)`);
}

export async function set(admin, name, value) {
    await admin.query(`ALTER SYSTEM SET ${name} = ${value}`);
    await admin.query('SELECT pg_reload_conf()');
}

// ---- CPU ----------------------------------------------------------------------

// What /proc says of a process: its parent, its own ticks and those of children
// that have ended. Its name stands in parentheses and may have blanks in it.
function look(pid) {
    try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        const field = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return { parent: Number(field[1]), own: Number(field[11]) + Number(field[12]), ended: Number(field[13]) + Number(field[14]) };
    } catch {
        return { parent: 0, own: 0, ended: 0 }; // it has just ended
    }
}

export const TICK = 0.01; // seconds, on every Linux that Debian makes

export function ticks_of(pid) {
    return look(pid).own;
}

// Of a process and all its children, also those that have ended.
export function ticks_of_family(pid) {
    const me = look(pid);
    let sum = me.own + me.ended;
    for (const name of readdirSync('/proc')) {
        if (/^\d+$/.test(name)) {
            const other = look(name);
            if (other.parent === pid) sum += other.own + other.ended;
        }
    }
    return sum;
}

export async function postmaster(admin) {
    const { rows } = await admin.query(`SELECT pg_read_file('postmaster.pid') AS text`);
    return Number(rows[0].text.split('\n')[0]);
}
