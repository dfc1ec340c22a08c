// xstate.mjs: run the machines of workflow.export() in XState.
//
// Reads lines of JSON from standard input: name, machine (what export() gave)
// and, where the machine was played in the engine, trace: a list of steps, each
// with ms to let pass, event (or null) and states, what is active then.
// Writes a line of TAP for each: the machine is accepted, runs, and goes where
// the engine went.

import { createInterface } from 'node:readline';
import {
  SimulatedClock, createActor, createMachine, enqueueActions, fromCallback,
} from 'xstate';

const isExpression = (value) =>
  value !== null && typeof value === 'object' && '@expr' in value;

// A value of ours; what is computed there is nothing here.
function valueOf(value) {
  if (isExpression(value)) return null;
  if (Array.isArray(value)) return value.map(valueOf);
  if (value !== null && typeof value === 'object') {
    if ('@literal' in value) return value['@literal'];
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, valueOf(v)]));
  }
  return value;
}

// What stands for the guards, actions, actors and delays that the report of a
// machine names. What is built in does what it does; the author's own guards
// agree or not, their actions do nothing, their actors never end.
function implementations(needs, agrees, actor) {
  const guards = {
    'workflow.expr': () => agrees(),
    'xstate.not': (_, { guard }) => !holds(guard),
    'xstate.and': (_, params) => params.guards.every(holds),
    'xstate.or': (_, params) => params.guards.some(holds),
    'xstate.stateIn': (_, { stateId }) => {
      const snapshot = actor().getSnapshot();
      return snapshot._nodes.includes(snapshot.machine.getStateNodeById(stateId));
    },
  };
  const holds = (guard) => guards[guard.type](null, guard.params);
  const delay = (value) => (isExpression(value) ? 1000 : value ?? undefined);
  const event = (of) => ({ ...valueOf(of), type: isExpression(of.type) ? 'computed' : of.type });
  const actions = {
    'xstate.raise': enqueueActions(({ enqueue }, p) =>
      enqueue.raise(event(p.event), { id: valueOf(p.id), delay: delay(p.delay) })),
    'xstate.sendTo': enqueueActions(({ enqueue, self }, p) => {
      if (p.to === undefined) enqueue.sendTo(self, event(p.event), { id: valueOf(p.id), delay: delay(p.delay) });
    }),
    'xstate.cancel': enqueueActions(({ enqueue }, p) => enqueue.cancel(valueOf(p.id))),
    'xstate.log': () => {},
    'xstate.assign': enqueueActions(({ enqueue }, p) => enqueue.assign(valueOf(p.context) ?? {})),
    'workflow.choose': enqueueActions(({ enqueue }, p) => {
      const branch = p.branches.find((b) => b.guard === undefined || holds(b.guard));
      (branch?.actions ?? []).forEach((a) => enqueue(a));
    }),
    'workflow.foreach': enqueueActions(({ enqueue }, p) => {
      (valueOf(p.array) ?? []).forEach(() => (p.actions ?? []).forEach((a) => enqueue(a)));
    }),
  };
  for (const name of needs.guards) guards[name] ??= () => agrees();
  for (const name of needs.actions) actions[name] ??= () => {};
  return {
    guards,
    actions,
    actors: Object.fromEntries(needs.actors.map((name) => [name, fromCallback(() => {})])),
    delays: Object.fromEntries(Object.keys(needs.delays).map((name) => [name, 1000])),
  };
}

function start(machine, agrees) {
  const needs = machine.meta.workflow.implement;
  let actor;
  let failure;
  const clock = new SimulatedClock();
  const built = createMachine({ ...machine, options: { maxIterations: 1000 } },
    implementations(needs, agrees, () => actor));
  actor = createActor(built, { clock, logger: () => {} });
  actor.subscribe({ error: (error) => { failure = error; } });
  actor.start();
  return {
    actor,
    clock,
    events: built.events.filter((type) => !type.startsWith('xstate.')),
    // Throws what went wrong since the last look.
    states() {
      if (failure) throw failure;
      return actor.getSnapshot()._nodes
        .filter((node) => node.type === 'atomic' || node.type === 'final')
        .map((node) => node.path.join('.')).sort().join(' ');
    },
  };
}

// Everything that can be sent, with time in between, and guards of all moods.
function wander(machine) {
  let n = 0;
  for (const agrees of [() => true, () => false, () => n++ % 3 === 0]) {
    try {
      roam(start(machine, agrees));
    } catch (error) {
      // Where every guard agrees some machines never come to rest, in the engine neither.
      if (!/Infinite loop detected/.test(error.message)) throw error;
    }
  }
}

function roam(run) {
  for (let i = 0; i < 40; i++) {
    if (run.actor.getSnapshot().status !== 'active') return;
    if (run.events.length > 0) {
      run.actor.send({ type: run.events[(i * 7) % run.events.length].replace('*', 'x') });
    }
    run.states();
    run.clock.increment(i % 4 === 3 ? 400 * 86400000 : 1000);
    run.states();
  }
}

function follow(machine, trace) {
  const run = start(machine, () => true);
  trace.forEach(({ ms, event, states }, i) => {
    if (ms > 0) run.clock.increment(ms);
    if (event !== null) run.actor.send({ type: event, data: null });
    const there = run.states();
    const here = [...states].sort().join(' ');
    if (there !== here) throw new Error(`step ${i}, event ${event}: XState is in ${there}, the engine in ${here}`);
  });
}

let tests = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const { name, machine, trace } = JSON.parse(line);
  const title = name.replace(/[#\\\n]/g, ' ');
  tests++;
  try {
    wander(machine);
    if (trace) follow(machine, trace);
    console.log(`ok ${tests} - ${title}: ${trace ? `goes with the engine, ${trace.length} steps` : 'runs'}`);
  } catch (error) {
    console.log(`not ok ${tests} - ${title}\n# ${String(error.stack ?? error).replace(/\n/g, '\n# ')}`);
  }
}
console.log(`1..${tests}`);
