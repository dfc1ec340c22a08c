// A runtime in Node (doc/cluster.md), for ship.js. The PG* variables of the environment say which database.
const { Pool } = require('pg');
const { setTimeout: pause } = require('timers/promises');
const { randomUUID } = require('crypto');

const START = randomUUID(), AT_ONCE = 4;       // START is new at each start of this program
const complain = error => console.error(error.message);
const pool = new Pool({ max: AT_ONCE + 2 }).on('error', complain)    // opens anew what is lost,
  .on('connect', db => db.on('error', () => {}));                     // also while it is in use: its query says so
const row = async (db, text, ...values) => (await db.query(text, values)).rows[0];
const ms = ({ hours = 0, minutes = 0, seconds = 0, milliseconds = 0 }) => ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds;
let stop = false;

async function register(id) {
  while (!stop) {
    const told = await row(pool, 'SELECT * FROM workflow.register_runtime($1, fingerprint => $2)', id, START);
    if (told.epoch !== null) return { id, epoch: told.epoch, over: false, until: 0, underWay: new Set() };
    await pause(ms(told.wait) || 100);
  }
}

async function beat(life) {                  // whatever the work is at; over: the epoch is
  while (!life.over) {
    let sleep = 500;
    try {
      const pulse = await row(pool, 'SELECT * FROM workflow.beat($1, $2)', life.id, life.epoch);
      if (!pulse.ok) { life.over = true; return; }
      if (pulse.mine) life.until = performance.now() + ms(pulse.mine_for);
      if (pulse.service)
        for (const told of (await pool.query('SELECT * FROM workflow.service_turn($1, $2)', [life.id, life.epoch])).rows)
          console.error(`recovered from ${told.runtime}: ${told.process_or_run}, ${told.decision}`);
      const { value } = await row(pool, "SELECT value FROM workflow.settings WHERE name = 'alive_signal_interval'");
      sleep = Math.min(Number(value), pulse.next_in ? ms(pulse.next_in) : Infinity);
    } catch (error) { complain(error); }
    await pause(Math.max(sleep, 1));
  }
}

async function finish(run, { result, write }) {   // what the work writes in this database is written once
  const db = await pool.connect();
  try {
    await db.query('BEGIN');
    await write(db);
    const { ours } = await row(db, 'SELECT workflow.complete($1, $2, $3) AS ours', run.run, run.fence, JSON.stringify(result));
    await db.query(ours ? 'COMMIT' : 'ROLLBACK').then(() => db.release());
  } catch (error) { db.release(true); throw error; }                       // closed: rolled back
}

const attempt = (run, work) => work(run).then(done => finish(run, done)).catch(error => row(pool,
  'SELECT workflow.fail($1, $2, $3)', run.run, run.fence, { code: error.code ?? error.name, message: error.message }));

async function live(life, queue, work) {     // claims in its turns only
  while (!stop && !life.over) {
    const free = AT_ONCE - life.underWay.size;
    const runs = free === 0 || performance.now() >= life.until ? [] : (await pool.query(
      'SELECT * FROM workflow.claim($1, $2, $3, epoch => $4)', [queue, life.id, free, life.epoch])).rows;
    for (const run of runs) {
      // what became of it could not be told: we begin anew, and recover it ourselves
      const promise = attempt(run, work).catch(error => { complain(error); life.over = true; }).then(() => life.underWay.delete(promise));
      life.underWay.add(promise);
    }
    if (runs.length === 0) await pause(50);
  }
}

async function serve(id, queue, work) {
  process.once('SIGTERM', () => { stop = true; });
  while (!stop) {
    const life = await register(id).catch(complain);
    if (!life) { await pause(500); continue; }
    beat(life);
    await live(life, queue, work).catch(complain);
    await Promise.race([Promise.all(life.underWay), pause(10000)]);      // what has begun may end
    if (!life.over) await row(pool, 'SELECT workflow.shutdown_runtime($1, $2)', id, life.epoch).catch(complain);
    life.over = true;
  }
  process.exit();
}
module.exports = { serve };
