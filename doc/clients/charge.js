// Runs of job "charge" (doc/workers.md): node charge.js QUEUE
const { setTimeout: pause } = require('timers/promises');
const { serve, complete } = require('./worker');

async function charge(run) {
  const { customer, amount, seconds } = run.params;
  await pause(seconds * 1000);                          // what is done elsewhere is done at least once,
  await complete(run, { paid: amount }, db =>           // what is written here exactly once
    db.query('INSERT INTO shop.receipt (customer, amount) VALUES ($1, $2)', [customer, amount]));
}

serve(process.argv[2], charge);
