// report.mjs: from the turns of drive.mjs to a JSON line for each figure and
// side, a table in Markdown, and the bars of chart.mjs. Writes lines.jsonl,
// table.md and peers.svg into the directory that it is given, and prints the
// lines and the table.
//
// A ratio says how many times better ours is, whether more or less is better; it
// is made of two turns of the same round, because what else the machine does
// changes more from round to round than within one.

import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { draw } from './chart.mjs';

const out = process.argv[2];

// The figures in the order of the table. `ratio: false`: no ratio is made, since
// a latency from the commit can be nothing or less, and a share of a core says
// little where fewer jobs could be enqueued. `of`: of the same turns as another
// one, and not in the chart.
const figures = [
    { name: 'drain', title: 'drain, jobs/s', unit: 'jobs/s', more: true },
    { name: 'drain_cpu', title: 'drain, CPU µs a job', unit: 'us', of: 'drain' },
    { name: 'three', title: 'three steps, workflows/s', unit: 'workflows/s', more: true },
    { name: 'three_cpu', title: 'three steps, CPU µs a workflow', unit: 'us', of: 'three' },
    { name: 'idle', title: 'idle, send to handler, p50 ms', unit: 'ms' },
    { name: 'idle_p99', title: 'idle, send to handler, p99 ms', unit: 'ms', of: 'idle' },
    { name: 'idle_commit', title: 'idle, commit to handler, p50 ms', unit: 'ms', of: 'idle', ratio: false },
    { name: 'idle_commit_p99', title: 'idle, commit to handler, p99 ms', unit: 'ms', of: 'idle', ratio: false },
    { name: 'steady', title: 'steady 500/s, CPU µs a job', unit: 'us' },
    { name: 'steady_core', title: 'steady 500/s, CPU % of a core', unit: '%', of: 'steady', ratio: false },
    { name: 'steady_rate', title: 'steady, jobs/s that could be enqueued', unit: 'jobs/s', more: true, of: 'steady', ratio: false },
    { name: 'instant', title: 'one instant, jobs/s', unit: 'jobs/s', more: true },
    { name: 'instant_first', title: 'one instant, first one late, ms', unit: 'ms', of: 'instant', ratio: false },
    { name: 'pinned', title: 'drain, old snapshot held, jobs/s', unit: 'jobs/s', more: true },
    { name: 'pinned_cpu', title: 'the same, CPU µs a job', unit: 'us', of: 'pinned' },
];

const notes = readFileSync(`${out}/turns.jsonl`, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
const turns = notes.filter((note) => note.round);

// ---- figures --------------------------------------------------------------------

function spread(numbers) {
    const sorted = [...numbers].sort((a, b) => a - b);
    const middle = (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
    return sorted.length ? { median: middle, min: sorted[0], max: sorted.at(-1) } : null;
}

// What a side reached, by round.
function series(side, figure) {
    const of = turns.filter((turn) => turn.side === side && turn.reached?.[figure.name] !== undefined);
    return new Map(of.map((turn) => [turn.round, turn.reached[figure.name]]));
}

// The ratios of one of our sides to a peer, a round each.
function ratios(figure, ours, side) {
    const theirs = series(side, figure);
    const pairs = [...series(ours, figure)].filter(([round]) => theirs.has(round));
    return spread(pairs.map(([round, value]) => (figure.more ? value / theirs.get(round) : theirs.get(round) / value)));
}

const is_ours = (side) => side.startsWith('workflow');
const round3 = (value) => Number(value.toPrecision(4));

function line_of(figure, side) {
    const values = spread(series(side, figure).values());
    const turn = turns.findLast((t) => t.side === side && t.reached?.[figure.name] !== undefined);
    const line = {
        measure: figure.name, peer: turn.name, side, version: turn.version, unit: figure.unit,
        better: figure.more ? 'more' : 'less', n: turn.n, rounds: series(side, figure).size,
        value: round3(values.median), min: round3(values.min), max: round3(values.max),
    };
    if (is_ours(side) || figure.ratio === false) return line;
    for (const ours of sides().filter(is_ours)) {
        const ratio = ratios(figure, ours, side);
        const name = ours.replace('workflow', 'ratio');
        if (ratio) Object.assign(line, { [name]: round3(ratio.median), [`${name}_min`]: round3(ratio.min), [`${name}_max`]: round3(ratio.max) });
    }
    return line;
}

const sides = () => [...new Set(turns.map((turn) => turn.side))].sort((a, b) => order(a) - order(b));
const order = (side) => ['workflow', 'workflow_expr', 'workflow_post', 'workflow_job', 'graphile_worker', 'pg_boss', 'dbos', 'pgq', 'pgmq', 'pg_cron'].indexOf(side);

// ---- the table --------------------------------------------------------------------

const show = (n) => (Math.abs(n) >= 1000 ? Math.round(n).toLocaleString('en') : String(Number(n.toPrecision(n >= 100 ? 3 : 2))));

function cell(line) {
    if (!line) return '';
    if (line.ratio === undefined) return show(line.value);
    return `${show(line.value)}: **${show(line.ratio)}** (${show(line.ratio_min)}–${show(line.ratio_max)})`;
}

function rows(lines) {
    const peers = sides().filter((side) => !is_ours(side));
    const find = (figure, side) => lines.find((line) => line.measure === figure.name && line.side === side);
    const body = figures.filter((figure) => lines.some((line) => line.measure === figure.name)).map((figure) => {
        const ours = sides().filter(is_ours).map((side) => find(figure, side)).filter(Boolean);
        return [figure.title, ours.map((line) => show(line.value)).join('; '), ...peers.map((side) => cell(find(figure, side)))];
    });
    const names = peers.map((side) => {
        const { name, version } = turns.findLast((turn) => turn.side === side && turn.version) ?? { name: side, version: '' };
        return `${name} ${version}`;
    });
    return [['', `workflow ${turns.findLast((turn) => turn.side === 'workflow' && turn.version)?.version ?? ''}`, ...names], ...body];
}

function table(lines) {
    const [head, ...body] = rows(lines);
    const text = [head, head.map(() => '---'), ...body].map((row) => `| ${row.join(' | ')} |`).join('\n');
    const loads = spread(turns.map((turn) => turn.load));
    const failed = turns.filter((turn) => turn.failed).map((turn) => `failed: ${turn.side}, ${turn.measure}, round ${turn.round}: ${turn.failed}`);
    const missing = notes.filter((note) => note.missing).map((note) => `left out: ${note.name}: ${note.missing}`);
    return `${text}\n\n${new Date().toISOString().slice(0, 10)}; ${cpus().length} × ${cpus()[0].model.trim()}, ` +
        `${Math.round(totalmem() / 2 ** 30)} GiB; PostgreSQL ${notes.find((note) => note.server).server}; Node ${process.versions.node}; ` +
        `${Math.max(...turns.map((turn) => turn.round))} rounds; load average before a turn ${loads.min.toFixed(1)} to ${loads.max.toFixed(1)}.\n` +
        [...missing, ...failed].map((line) => `- ${line}\n`).join('');
}

// ---- the chart --------------------------------------------------------------------

// Not pg_cron, which is for schedules: its bar would leave no room for the others.
function groups(lines) {
    const shown = figures.filter((figure) => !figure.of && figure.ratio !== false);
    return shown.map((figure) => ({
        title: figure.title,
        bars: lines.filter((line) => line.measure === figure.name && line.ratio !== undefined && line.peer !== 'pg_cron')
            .map((line) => ({ label: line.peer, value: line.ratio, min: line.ratio_min, max: line.ratio_max })),
    })).filter((group) => group.bars.length > 0);
}

const lines = figures.flatMap((figure) => sides().filter((side) => series(side, figure).size > 0).map((side) => line_of(figure, side)));
const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
writeFileSync(`${out}/lines.jsonl`, text);
writeFileSync(`${out}/table.md`, table(lines));
writeFileSync(`${out}/peers.svg`, draw(groups(lines)));
process.stdout.write(`${text}\n${table(lines)}`);
