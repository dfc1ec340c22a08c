// Runs of job "ship" (doc/cluster.md) by a runtime: node ship.js ID QUEUE
const { setTimeout: pause } = require('timers/promises');
const { serve } = require('./runtime');
const [, , id, queue] = process.argv;

async function ship(run) {
  await pause(run.params.seconds * 1000);
  const write = db => db.query('INSERT INTO shop.shipped (parcel, by) VALUES ($1, $2)', [run.params.parcel, id]);
  return { result: { by: id }, write };
}

serve(id, queue, ship);
