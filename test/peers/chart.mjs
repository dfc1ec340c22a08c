// chart.mjs: bars of ratios as SVG. The scale is logarithmic, a line at 1 is where
// both are level; the thin line on a bar is from the least to the greatest ratio.
// Without a background, and with colours for light and for dark.

const width = 760;
const left = 130;
const right = 90;
const row = 20;
const gap = 34;

const style = `
    text { font: 12px system-ui, sans-serif; fill: #24292f }
    .title { font-weight: 600 }
    .note { fill: #57606a }
    .better { fill: #2f81f7 }
    .worse { fill: #d29922 }
    .grid { stroke: #8c959f; stroke-opacity: 0.35 }
    .level { stroke: #57606a; stroke-width: 1.5 }
    .spread { stroke: #24292f; stroke-width: 1.5 }
    @media (prefers-color-scheme: dark) {
        text { fill: #e6edf3 }
        .note { fill: #9198a1 }
        .level { stroke: #9198a1 }
        .spread { stroke: #e6edf3 }
    }`;

const escape = (text) => text.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]);
const show = (ratio) => (ratio >= 100 ? ratio.toFixed(0) : ratio.toPrecision(2));

// From ratios to pixels, over all that is drawn, in whole powers of ten.
function scale_of(bars) {
    const low = Math.min(0, Math.floor(Math.log10(Math.min(...bars.map((bar) => bar.min)))));
    const high = Math.max(1, Math.ceil(Math.log10(Math.max(...bars.map((bar) => bar.max)))));
    const x = (ratio) => left + ((Math.log10(ratio) - low) / (high - low)) * (width - left - right);
    return { x, ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)) };
}

function draw_bar({ x }, bar, y) {
    const [from, to] = [x(1), x(bar.value)].sort((a, b) => a - b);
    const middle = y + row / 2;
    return [
        `<text x="${left - 8}" y="${middle + 4}" text-anchor="end">${escape(bar.label)}</text>`,
        `<rect class="${bar.value >= 1 ? 'better' : 'worse'}" x="${from.toFixed(1)}" y="${y + 3}" width="${Math.max(1, to - from).toFixed(1)}" height="${row - 6}" rx="2"/>`,
        `<line class="spread" x1="${x(bar.min).toFixed(1)}" x2="${x(bar.max).toFixed(1)}" y1="${middle}" y2="${middle}"/>`,
        `<text x="${(Math.max(x(bar.max), x(1)) + 6).toFixed(1)}" y="${middle + 4}">${show(bar.value)}</text>`,
    ];
}

function draw_grid({ x, ticks }, top, bottom) {
    return ticks.flatMap((tick) => [
        `<line class="${tick === 1 ? 'level' : 'grid'}" x1="${x(tick).toFixed(1)}" x2="${x(tick).toFixed(1)}" y1="${top}" y2="${bottom}"/>`,
        `<text class="note" x="${x(tick).toFixed(1)}" y="${bottom + 16}" text-anchor="middle">${tick}</text>`,
    ]);
}

// groups: [{ title, bars: [{ label, value, min, max }] }]
export function draw(groups) {
    const bars = groups.flatMap((group) => group.bars);
    if (bars.length === 0) return '';
    const scale = scale_of(bars);
    const marks = [];
    let y = 30;
    for (const group of groups) {
        marks.push(`<text class="title" x="8" y="${y + 20}">${escape(group.title)}</text>`);
        y += gap - 6;
        for (const bar of group.bars) {
            marks.push(...draw_bar(scale, bar, y));
            y += row;
        }
        y += 6;
    }
    const height = y + 34;
    const content = [
        `<text class="note" x="8" y="18">How many times better workflow is: right of 1 workflow, left of 1 the peer</text>`,
        ...draw_grid(scale, 30, y),
        ...marks,
    ];
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>Ratios of workflow to its peers</title>
<style>${style}
</style>
${content.join('\n')}
</svg>
`;
}
