// pg_cron.mjs: pg_cron, Debian's package. It knows schedules, no single jobs, and
// a minute is the least that this version counts in: it is measured in `instant`
// only, with jobs of the same minute.
//
// Settings: those of its page (https://github.com/citusdata/pg_cron), which names
// none that make it quicker; cron.max_running_jobs is its default, 32, and
// connections go through the socket. Each job has a connection of its own. In the
// cluster its database must stay, because its worker lives in it.

export const name = 'pg_cron';
export const shares = { instant: 0.0075 };
export const database = 'peers_cron';

export async function version({ session }) {
    const { rows } = await session.query(`SELECT extversion AS version FROM pg_extension WHERE extname = 'pg_cron'`);
    return rows[0].version;
}

export async function setup({ session }) {
    await session.query('CREATE EXTENSION IF NOT EXISTS pg_cron');
    await session.query('SELECT cron.unschedule(jobid) FROM cron.job');
    await session.query('TRUNCATE cron.job_run_details');
}

export const next_instant = (after) => Math.ceil(after / 60000) * 60000;

export async function load({ session }, n, due) {
    const at = new Date(due);
    const schedule = `${at.getUTCMinutes()} ${at.getUTCHours()} * * *`;
    await session.query(`SELECT cron.schedule('job ' || i, $1, 'SELECT 1') FROM generate_series(1, $2::int) i`, [schedule, n]);
}

export const start = async () => ({ go: async () => {}, stop: async () => {} });

export async function finish({ session }) {
    await session.query('SELECT cron.unschedule(jobid) FROM cron.job');
}

export async function total({ session }) {
    const { rows } = await session.query(`SELECT count(*)::int AS n FROM cron.job_run_details WHERE status = 'succeeded'`);
    return rows[0].n;
}

export async function first({ session }) {
    const { rows } = await session.query('SELECT extract(epoch FROM min(start_time))::float8 * 1000 AS at FROM cron.job_run_details');
    return rows[0].at;
}

export async function count({ session }) {
    const { rows } = await session.query(`SELECT
        (SELECT count(*) FROM cron.job_run_details WHERE status <> 'succeeded')::int AS left,
        (SELECT count(*) FROM cron.job_run_details WHERE status = 'succeeded')::int * (SELECT (count(*) = count(DISTINCT jobid))::int
            FROM cron.job_run_details) AS done`);
    return rows[0];
}
