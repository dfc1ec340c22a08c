// schema.mjs SCHEMA: check documents against a JSON Schema, draft 2020-12.
//
// Reads lines of JSON from standard input: name, document and valid, what is
// expected of it. Writes a line of TAP for each.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import Ajv2020 from 'ajv/dist/2020.js';

const ajv = new Ajv2020.default({ strict: true, strictRequired: false, strictTypes: false });
const validate = ajv.compile(JSON.parse(readFileSync(process.argv[2], 'utf8')));

let tests = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const { name, document, valid } = JSON.parse(line);
  const title = name.replace(/[#\\\n]/g, ' ');
  const answer = validate(document);
  tests++;
  console.log(`${answer === valid ? 'ok' : 'not ok'} ${tests} - ${title}: ${valid ? 'valid' : 'not valid'}`);
  if (answer !== valid) {
    for (const error of validate.errors ?? []) console.log(`# ${error.instancePath}: ${error.message} ${JSON.stringify(error.params)}`);
  }
}
console.log(`1..${tests}`);
