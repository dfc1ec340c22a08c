// Files of a runtime (doc/files.md): node files.js ID DIRECTORY. The PG* variables of the environment say which database.
const { Client } = require('pg');
const { setTimeout: pause } = require('timers/promises');
const { createHash, randomUUID } = require('crypto');
const fs = require('fs/promises'), path = require('path');

const PART = 1 << 20;                       // bytes that are fetched at a time
const rows = async (db, text, ...values) => (await db.query(text, values)).rows;
const row = async (...call) => (await rows(...call))[0];
const there = name => fs.lstat(name).then(() => true, () => false);

const sync = directory => fs.open(directory).then(handle => handle.sync().finally(() => handle.close()));

async function* parts(db, file) {
  if (file.content !== null) { yield file.content; return; }
  for (let at = 0; at < Number(file.size); at += PART)
    yield (await row(db, 'SELECT workflow.get_file_part($1, $2, $3, $4) AS part', file.path, file.version, at, PART)).part;
}

async function place(root, name, make) {    // nobody has planted a link on the way
  const target = path.join(root, ...name.split('/')), directory = path.dirname(target);
  if (!make && !await there(directory)) return target;
  let above = directory;
  while (!await there(above)) above = path.dirname(above);
  const real = await fs.realpath(above);
  if (real !== root && !real.startsWith(root + path.sep)) throw new Error('a link leads out of the directory');
  return make ? fs.mkdir(directory, { recursive: true }).then(() => target) : target;
}

async function remove(root, file) {
  const target = await place(root, file.path, false);
  await fs.rm(target, { force: true });
  for (let above = path.dirname(target); above !== root; above = path.dirname(above))
    if (!await fs.rmdir(above).then(() => true, () => false)) return;       // as far as they are empty
}

async function write(db, root, file) {      // the old file or the new one, whatever kills us
  const target = await place(root, file.path, true), fresh = path.join(root, `.workflow-${randomUUID()}`);
  try {
    const hash = createHash('sha256'), out = await fs.open(fresh, 'wx', 0o600);
    try {
      for await (const part of parts(db, file)) { hash.update(part); await out.writeFile(part); }
      if (!hash.digest().equals(file.sha256)) throw new Error('the content is not that of this version');
      await out.chmod(parseInt(file.mode ?? '644', 8)).then(() => out.sync());
    } finally { await out.close(); }
    await fs.rename(fresh, target).then(() => sync(path.dirname(target)));
  } finally { await fs.rm(fresh, { force: true }); }
}

async function takeOver(db, id, epoch, root) {      // all that waits; a runtime calls it when beat() tells of files
  const known = path.join(root, '.workflow-known');  // there: this disk has what the database thinks it has
  if (!await there(known)) {                        // a new disk: begin with everything
    await row(db, 'SELECT workflow.forget_files($1, $2)', id, epoch);
    await fs.writeFile(known, '').then(() => sync(root));
  }
  for (let files; (files = await rows(db, 'SELECT * FROM workflow.pull_files($1, $2)', id, epoch)).length > 0;) {
    const errors = [];
    for (const file of files)                       // the end of a connection is not the file's
      errors.push(await (file.deleted ? remove(root, file) : write(db, root, file))
        .then(() => null, error => { if (error.severity === 'FATAL') throw error; return error.message; }));
    await row(db, 'SELECT workflow.confirm_files($1, $2, $3, $4)', id, epoch, files.map(file => file.request), errors);
  }
}

async function main(id, directory) {
  const root = await fs.realpath(directory), db = new Client(), START = randomUUID();
  await db.connect();
  let epoch, pulse;
  while (!({ epoch } = await row(db, 'SELECT epoch FROM workflow.register_runtime($1, fingerprint => $2)', id, START)).epoch)
    await pause(500);
  await takeOver(db, id, epoch, root);
  while ((pulse = await row(db, 'SELECT * FROM workflow.beat($1, $2)', id, epoch)).ok) {
    if (pulse.files > 0) await takeOver(db, id, epoch, root);
    await pause(1000);
  }
}
module.exports = { takeOver };
if (require.main === module)
  main(process.argv[2], process.argv[3]).then(() => process.exit(), error => { console.error(error.message); process.exit(1); });
