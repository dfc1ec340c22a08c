// A worker in Node, for charge.js and http.js. The PG* variables of the environment say which database.
const { Pool } = require('pg');
const { setTimeout: pause } = require('timers/promises');

const LEASE = Number(process.env.LEASE ?? 30), GRACE = 10, AT_ONCE = 10;  // seconds, seconds, runs
const complain = error => console.error(error.message);
const pool = new Pool({ max: AT_ONCE + 2 }).on('error', complain)           // opens anew what is lost,
  .on('connect', db => db.on('error', () => {}));                            // also while it is in use: its query says so
const held = new Map(), underWay = new Set();      // the fence of each run that we have; attempts, at most AT_ONCE
class Final extends Error {}                                              // another attempt would not mend it

const ask = async (db, text, ...values) => Object.values((await db.query(text, values)).rows[0])[0];

async function complete(run, result = null, write = async () => {}) {     // with what write(db) writes: all, or nothing
  const db = await pool.connect();
  try {
    await db.query('BEGIN');
    await write(db);
    const ours = await ask(db, 'SELECT workflow.complete($1, $2, $3)', run.run, run.fence, JSON.stringify(result));
    if (!ours) throw new Final('the run is not ours any more');
    await db.query('COMMIT').then(() => db.release());
  } catch (error) { db.release(true); throw error; }                      // closed: rolled back
}

async function attempt(run, work) {
  held.set(run.run, run.fence);
  try { await work(run); } catch (error) {    // the job's retry says by the code whether another attempt comes
    const code = [error.cause?.code, error.code, error.name].find(code => typeof code === 'string');
    await ask(pool, 'SELECT workflow.fail($1, $2, $3, $4, $5)', run.run, run.fence,
      { code, message: error.message }, error.retryAt, error instanceof Final);
  } finally { held.delete(run.run); }
}

async function askHeld(text, ...values) {     // and forget what is not to go on; long work may look in held
  for (const [run, fence] of held) if (await ask(pool, text, run, fence, ...values) !== 'go on') held.delete(run);
}

async function turn(queue, work) {
  const { rows: runs } = await pool.query('SELECT * FROM workflow.claim($1, $2, $3, $4)',
    [queue, `worker ${process.pid}`, AT_ONCE - underWay.size, `${LEASE} s`]);
  for (const run of runs) {
    const promise = attempt(run, work).catch(complain).then(() => underWay.delete(promise));
    underWay.add(promise);
  }
  await (underWay.size === AT_ONCE ? Promise.race(underWay) : pool.query("CALL workflow.await_work($1, '5 s')", [queue]));
}

async function serve(queue, work) {
  let last, stop = false;
  setInterval(() => askHeld('SELECT workflow.extend($1, $2, $3)', `${LEASE} s`).catch(complain), LEASE * 1000 / 3);
  process.once('SIGTERM', async () => {
    stop = true;
    await Promise.race([last.then(() => Promise.all(underWay)), pause(GRACE * 1000)]);     // what has begun may end
    await askHeld('SELECT workflow.release($1, $2)').catch(complain);
    process.exit();
  });
  while (!stop) await (last = turn(queue, work).catch(error => { complain(error); return pause(1000); }));
}
module.exports = { serve, complete, Final };
