// clock.mjs: the clock of the machine in milliseconds since 1970, finer than
// Date.now(), so that what two processes and the server note can be compared.

let offset = null;

// The offset to the steady clock, found at a moment when Date.now() changes.
// Call it again after minutes: the clock of the machine is being corrected.
export function calibrate() {
    const before = Date.now();
    while (Date.now() === before);
    offset = Date.now() - performance.now();
}

export function now() {
    if (offset === null) calibrate();
    return performance.now() + offset;
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
