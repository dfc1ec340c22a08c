// recurrence.mjs zones ZONE...
// recurrence.mjs cases SEED CRONS RULES ZONE...
//
// What others make of recurrences, for test/t/recurrence.pl. Prints lines of JSON.
//
// Not asked is what the two do in a way of their own, and what test/sql/recurrence.sql is
// for: in the days of a cron expression a step of 1, which cron-parser takes for a
// restriction, and W, which it has not; in rules times out of order, and BYSETPOS
// with other negative numbers than -1, with two for the same, or of weeks, for rrule mixes
// up what is out of order, takes the first one for what would be before it, counts one
// twice, and has the first week begin with the start of the rule.
//
// zones: for each zone that this node knows, the changes of its clocks in the
// years 1998 to 2060: [instant, offset before, offset after], in seconds.
//
// cases: random cron expressions and rules, with the occurrences that the
// packages cron-parser and rrule find. They are asked for local times, in UTC;
// what a zone makes of those is worked out here as the manual says it: gap and
// fold. Half of the cases begin near a change of the clocks, each change of a zone in
// its turn. Besides, cron-parser is asked in the zone itself ("theirs"), which does
// as it likes near a change of the clocks.

import { CronExpressionParser } from 'cron-parser';
import rrule from 'rrule';

const { RRule } = rrule;
const HOUR = 3600;
const DAY = 24 * HOUR;
const KNOWN = Date.UTC(1998, 0, 1) / 1000; // rules start before the first case begins
const FIRST = Date.UTC(2000, 0, 1) / 1000;
const LAST = Date.UTC(2061, 0, 1) / 1000;

// ---- zones -------------------------------------------------------------------

class Zone {
  constructor(name) {
    this.name = name;
    this.format = new Intl.DateTimeFormat('en', { timeZone: name, timeZoneName: 'longOffset' });
    this.changes = [];
    for (let at = KNOWN; at < LAST; at += 3 * DAY) {
      if (this.ask(at) !== this.ask(at + 3 * DAY)) this.changes.push(this.change(at, at + 3 * DAY));
    }
    this.changesAsked = this.changes.filter(([at]) => at >= FIRST);
    this.turn = 0; // which of them the next case begins at
    this.near = false; // whether the last one did
  }

  ask(at) {
    const text = this.format.formatToParts(at * 1000).find((part) => part.type === 'timeZoneName').value;
    const [, sign, hours, minutes] = /^GMT(?:([+-])(\d+):(\d+))?$/.exec(text);
    return sign === undefined ? 0 : (sign === '-' ? -1 : 1) * (Number(hours) * HOUR + Number(minutes) * 60);
  }

  change(from, to) {
    const before = this.ask(from);
    let [low, high] = [from, to];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.ask(middle) === before) low = middle;
      else high = middle;
    }
    return [high, before, this.ask(high)];
  }

  // The offset at an instant.
  offset(at) {
    let offset = this.changes.length > 0 ? this.changes[0][1] : this.ask(KNOWN);
    for (const [change, , after] of this.changes) {
      if (change > at) break;
      offset = after;
    }
    return offset;
  }

  // The instants at which a clock shows a local time, in order.
  instants(local) {
    const offsets = new Set([this.offset(local - DAY), this.offset(local), this.offset(local + DAY)]);
    return [...offsets].map((offset) => local - offset).filter((at) => at + this.offset(at) === local).sort((a, b) => a - b);
  }

  // The end of the gap that a local time is in.
  endOfGap(local) {
    return this.changes.find(([at, before, after]) => at + before <= local && local < at + after)[0];
  }

  isNearChange(at, seconds) {
    return this.changes.some(([change]) => Math.abs(change - at) <= seconds);
  }
}

// What a local time means, as the manual has it.
function meant(zone, local, { gap, fold, hourly }) {
  const at = zone.instants(local);
  if (at.length === 0) return hourly || gap === 'skip' ? [] : [zone.endOfGap(local)];
  if (at.length === 1 || hourly || fold === 'both') return at;
  return [fold === 'first' ? at[0] : at[1]];
}

// The first n instants of a list of local times in order.
function occurrences(zone, locals, options, from, n) {
  const found = new Set();
  for (const local of locals) {
    const enough = [...found].sort((a, b) => a - b)[n - 1];
    if (enough !== undefined && local - zone.offset(enough) > enough + 3 * HOUR) break;
    for (const at of meant(zone, local, options)) if (at >= from) found.add(at);
  }
  return [...found].sort((a, b) => a - b).slice(0, n);
}

// ---- chance ------------------------------------------------------------------

let state;
function random() { // mulberry32
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const below = (n) => Math.floor(random() * n);
const between = (low, high) => low + below(high - low + 1);
const chance = (p) => random() < p;
const pick = (list) => list[below(list.length)];
const some = (most, make) => [...new Set(Array.from({ length: between(1, most) }, make))];
const sorted = (list) => list.sort((a, b) => a - b);

// ---- cron expressions --------------------------------------------------------

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

function item(low, high, names, least = 1) {
  const name = (n) => (names && chance(0.3) ? names[n - low] : String(n));
  const a = between(low, high);
  const b = between(low, high);
  switch (below(6)) {
    case 0: return `*/${between(least, Math.max(least, Math.floor((high - low) / 2)))}`;
    case 1: return `${name(Math.min(a, b))}-${name(Math.max(a, b))}`;
    case 2: return `${Math.min(a, b)}-${Math.max(a, b)}/${between(1, Math.max(1, high - low))}`;
    default: return name(a);
  }
}
const field = (low, high, names, least) => some(chance(0.3) ? 3 : 1, () => item(low, high, names, least)).join(',');

function cron() {
  const second = chance(0.2) ? `${chance(0.1) ? field(0, 59) : between(0, 59)} ` : '';
  const minute = chance(0.1) ? '*' : chance(0.5) ? String(between(0, 59)) : field(0, 59);
  // Many of those near midnight and in the hours in which clocks change.
  const hour = chance(0.2) ? '*' : chance(0.4) ? String(between(0, 3)) : field(0, 23);
  const day = chance(0.5) ? '*' : chance(0.15) ? 'L' : field(1, 31, null, 2);
  const month = chance(0.7) ? '*' : field(1, 12, MONTHS);
  let weekday = chance(0.5) ? '*' : field(0, 6, DAYS, 2);
  if (chance(0.1)) weekday = chance(0.5) ? `${between(0, 7)}#${between(1, 5)}` : `${between(0, 6)}L`;
  if (weekday !== '*' && chance(0.1)) weekday = weekday.replace(/^0$/, '7');
  return `${second}${minute} ${hour} ${day} ${month} ${weekday}`;
}

const ask = (text, tz, from) => CronExpressionParser.parse(text, { currentDate: new Date((from - 1) * 1000), tz });
const seconds = (date) => Math.round(date.getTime() / 1000);

function* localsOfCron(text, from) {
  const expression = ask(text, 'UTC', from);
  for (;;) {
    try {
      yield seconds(expression.next());
    } catch {
      return; // it looks no further
    }
  }
}

function isHourly(text) {
  return CronExpressionParser.parse(text).fields.hour.values.length === 24;
}

// ---- rules -------------------------------------------------------------------

const WEEKDAYS = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];
const signed = (high) => (chance(0.3) ? -1 : 1) * between(1, high);

// Where rrule finds nothing it looks up to the year 9999: so no rules that never come.
function byParts(freq) {
  const parts = [];
  const add = (p, name, list) => { if (chance(p)) parts.push(`${name}=${list()}`); };
  const has = (name) => parts.some((part) => part.startsWith(`${name}=`));
  if (freq !== 'MINUTELY' && freq !== 'SECONDLY') add(0.3, 'BYMONTH', () => some(3, () => between(1, 12)));
  if (freq === 'YEARLY') {
    add(0.15, 'BYWEEKNO', () => some(3, () => signed(52)));
    if (!has('BYWEEKNO') && !has('BYMONTH')) add(0.2, 'BYYEARDAY', () => some(4, () => signed(366)));
  }
  if (['YEARLY', 'MONTHLY', 'DAILY'].includes(freq) && parts.length === 0) add(0.3, 'BYMONTHDAY', () => some(4, () => signed(31)));
  if (freq !== 'SECONDLY') add(0.4, 'BYDAY', () => weekdays(freq, has));
  if (freq !== 'MINUTELY' && freq !== 'SECONDLY') {
    add(0.4, 'BYHOUR', () => sorted(some(3, () => (chance(0.5) ? between(0, 3) : between(0, 23)))));
    add(0.3, 'BYMINUTE', () => sorted(some(3, () => between(0, 59))));
  }
  if (freq !== 'SECONDLY') add(0.1, 'BYSECOND', () => sorted(some(3, () => between(0, 59))));
  const many = ['YEARLY', 'MONTHLY'].includes(freq) && has('BYDAY') && !has('BYWEEKNO') && !has('BYMONTHDAY') && !has('BYYEARDAY') && !/\dS|\d[MTWF]/.test(parts.join());
  if (parts.length > 0 && freq !== 'WEEKLY' && REACH[freq] === undefined) add(0.2, 'BYSETPOS', () => some(many ? 2 : 1, () => (many ? pick([-1, 1, 2, 3]) : pick([-1, 1]))));
  return parts;
}

function weekdays(freq, has) {
  const ordinal = ['YEARLY', 'MONTHLY'].includes(freq) && !has('BYWEEKNO') && !has('BYYEARDAY') && !has('BYMONTHDAY') && chance(0.6);
  const most = freq === 'MONTHLY' || has('BYMONTH') ? 5 : 53;
  return some(3, () => (ordinal ? signed(most) : '') + pick(WEEKDAYS));
}

function rule(start) {
  const freq = pick(['YEARLY', 'MONTHLY', 'WEEKLY', 'DAILY', 'YEARLY', 'MONTHLY', 'WEEKLY', 'DAILY', 'HOURLY', 'MINUTELY', 'SECONDLY']);
  const parts = [`FREQ=${freq}`];
  const by = byParts(freq);
  const most = freq === 'HOURLY' && by.some((part) => part.startsWith('BYHOUR')) ? 1 : freq === 'MINUTELY' || freq === 'SECONDLY' ? 90 : 5;
  if (chance(0.5)) parts.push(`INTERVAL=${between(1, most)}`);
  parts.push(...by);
  if (chance(0.3)) parts.push(`WKST=${pick(WEEKDAYS)}`);
  if (chance(0.2)) parts.push(`COUNT=${between(1, 60)}`);
  else if (chance(0.1)) parts.push(`UNTIL=${stamp(start + between(1, 2000) * DAY)}`);
  return parts.join(';');
}

const stamp = (local) => new Date(local * 1000).toISOString().replace(/[-:]|\.\d+Z/g, '');

// How far rules are followed, in days: rrule looks at each of their periods.
const REACH = { HOURLY: 200, MINUTELY: 10, SECONDLY: 0.3 };

// Up to `most` times from the start of a rule, and until which one there is no other.
function localsOfRule(text, start, most) {
  const reach = start + (REACH[/FREQ=(\w+)/.exec(text)[1]] ?? 8 * 366) * DAY;
  const options = RRule.parseString(text);
  const end = Math.min(reach * 1000, options.until?.getTime() ?? Infinity);
  const locals = [];
  new RRule({ ...options, dtstart: new Date(start * 1000), until: new Date(end) })
    .all((date, i) => { locals.push(seconds(date)); return i + 1 < most; });
  return { locals, known: locals.length < most ? reach : locals.at(-1) };
}

function isHourlyRule(text, start) {
  const { options } = new RRule({ ...RRule.parseString(text), dtstart: new Date(start * 1000) });
  const unit = { [RRule.HOURLY]: HOUR, [RRule.MINUTELY]: 60, [RRule.SECONDLY]: 1 }[options.freq];
  const every = unit === undefined ? options.byhour?.length === 24 : options.byhour == null || options.byhour.length === 24;
  return every && (unit === undefined || options.interval * unit <= HOUR);
}

// ---- cases -------------------------------------------------------------------

// Where a case begins: shortly before a change of the clocks, or anywhere.
function begin(zone) {
  zone.near = zone.changesAsked.length > 0 && chance(0.6);
  if (zone.near) return zone.changesAsked[zone.turn % zone.changesAsked.length][0] - below(30 * HOUR);
  return between(FIRST, LAST - 366 * DAY);
}

const rules = (hourly) => ({ gap: pick(['next', 'next', 'skip']), fold: pick(['first', 'first', 'second', 'both']), hourly });

function cronCase(zone) {
  const text = cron();
  const from = begin(zone);
  const n = 12;
  let options;
  try {
    options = rules(isHourly(text));
    const margin = zone.isNearChange(from, 2 * DAY) ? DAY : 0;
    const expected = occurrences(zone, localsOfCron(text, from + zone.offset(from) - margin), options, from, n);
    if (expected.length < n) return null; // too rare for cron-parser
    const line = { kind: 'cron', text, zone: zone.name, from, n, ...options, expected, known: LAST - DAY };
    if (options.gap === 'next' && options.fold === 'first') line.theirs = ask(text, zone.name, from).take(n).map(seconds);
    return line;
  } catch (error) {
    if (/loop limit|Out of the time span|Invalid explicit day of month|duplicate values/.test(error.message)) return null;
    throw error;
  }
}

function ruleCase(zone) {
  let from = begin(zone);
  let start = from - (chance(0.5) ? 0 : below(400) * DAY);
  start -= start % (chance(0.5) ? HOUR : 1);
  if (zone.isNearChange(start, DAY) && chance(0.9)) start -= 3 * DAY;
  const local = start + zone.offset(start);
  if (zone.instants(local).length !== 1) return null;
  const text = rule(local);
  const options = rules(isHourlyRule(text, local));
  const n = 12;
  const fine = /HOURLY|MINUTELY|SECONDLY/.test(text);
  if (fine) from = start;
  const { locals, known } = localsOfRule(text, local, 2000);
  const expected = occurrences(zone, locals, options, Math.max(from, start), n);
  if (expected.length === 0) return null;
  return { kind: 'rule', text, zone: zone.name, from, starts: start, n, ...options, expected, known: Math.min(known - zone.offset(known) - 3 * HOUR, LAST - DAY) };
}

function print(line) { process.stdout.write(`${JSON.stringify(line)}\n`); }

function cases(make, n, zones) {
  for (let made = 0, tried = 0; made < n; tried++) {
    if (tried > 20 * n + 100) throw new Error('too few cases');
    const zone = zones[tried % zones.length];
    const line = make(zone);
    if (line === null) continue;
    print(line);
    made++;
    if (zone.near) zone.turn++;
  }
}

const [mode, ...given] = process.argv.slice(2);
if (mode === 'zones') {
  for (const name of given) print({ zone: name, changes: new Zone(name).changes });
} else {
  const [seed, crons, rulesWanted, ...names] = given;
  const zones = names.map((name) => new Zone(name));
  state = Number(seed);
  cases(cronCase, Number(crons), zones);
  cases(ruleCase, Number(rulesWanted), zones);
}
