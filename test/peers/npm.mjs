// npm.mjs: the versions of what npm brought.

import { readFileSync } from 'node:fs';

export function version_of(name) {
    return JSON.parse(readFileSync(`${import.meta.dirname}/node_modules/${name}/package.json`)).version;
}
