// The figures of an experiment over any two of its axes: lines with intervals, or a map. What is shown is in the address.
// While the experiment goes on, the page's script has them read again whenever it has come further.

import { COLOURS, draw, number, plain } from "./chart.js";

const DASHES = ["solid", "dash", "dot", "dashdot"], SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon"];
const LOWEST_CROSS = 0.03, CROSS_STEP = 0.05, MAP_FROM = 3;
// Of Cividis (Nuñez, Anderton and Renslow, PLOS ONE 2018), dark to light: read alike by all who see colours.
const SCALE = [[0, "#00224e"], [0.25, "#3b496c"], [0.5, "#7c7b78"], [0.75, "#bcad6c"], [1, "#fee838"]];

const section = document.getElementById("experiment-chart");
const form = document.getElementById("chart-form");
const told = document.getElementById("chart-told");
const rest = document.getElementById("chart-fixed");
const picked = document.getElementById("chart-cell");
let values = null, chart = null, pickedCell = null, asked = 0;

const wanted = () => new URLSearchParams(location.search);
const field = (name) => form.elements[name];
const axis = (path) => values.axes.findIndex((each) => each.path === path);

async function read(figure) {
  const answer = await fetch(`${section.dataset.values}?figure=${encodeURIComponent(figure)}`);
  if (!answer.ok) throw new Error((await answer.json().catch(() => null))?.detail ?? `the service answered ${answer.status}`);
  return answer.json();
}

function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value, value === chosen, value === chosen)));
}

// Puts what the address asks for into the form; what it does not, or what is not there, as it suits the axes.
function arrange() {
  const asked = wanted(), { axes, figures } = values;
  fill(field("figure"), figures.map(({ name, words }) => [name, words]), values.figure);
  const paths = axes.map(({ path }) => path);
  const numeric = axes.findLast((each) => each.numeric) ?? axes.at(-1);
  const x = paths.includes(asked.get("x")) ? asked.get("x") : numeric?.path;
  const others = axes.filter(({ path }) => path !== x);
  const by = others.some(({ path }) => path === asked.get("by")) ? asked.get("by") : asked.get("by") === "" ? "" : (others[0]?.path ?? "");
  fill(field("x"), axes.map(({ path, name }) => [path, name]), x);
  fill(field("by"), [["", "nothing"], ...others.map(({ path, name }) => [path, name])], by);
  const both = [x, by].every((path) => path && axes[axis(path)].values.length >= MAP_FROM);
  field("kind").value = asked.get("kind") ?? (both ? "map" : "lines");
  field("logx").checked = asked.has("logx") ? asked.get("logx") === "1" : (axes[axis(x)]?.doubles ?? false);
  field("logy").checked = asked.get("logy") === "1";
  rest.replaceChildren(...others.filter(({ path }) => path !== by).map((each) => {
    const label = document.createElement("label"), select = document.createElement("select");
    select.name = `at.${each.path}`;
    fill(select, each.labels.map((text, i) => [String(i), text]), asked.get(select.name) ?? "0");
    label.append(each.name, select);
    return label;
  }));
  field("by").disabled = !others.length;
}

function remember() {
  const address = new URL(location.href);
  for (const name of [...address.searchParams.keys()].filter((name) => name.startsWith("at."))) address.searchParams.delete(name);
  for (const [name, value] of new FormData(form)) if (!["logx", "logy"].includes(name)) address.searchParams.set(name, value);
  for (const name of ["logx", "logy"]) address.searchParams.set(name, field(name).checked ? "1" : "0");
  history.replaceState(null, "", address);
}

// The cells of the values that the other axes are held at, by their places on the two axes that are shown.
function shown() {
  const x = axis(field("x").value), by = field("by").value ? axis(field("by").value) : -1;
  const held = [...rest.querySelectorAll("select")].map((select) => [axis(select.name.slice(3)), Number(select.value)]);
  const those = values.cells.filter(({ at }) => held.every(([which, place]) => at[which] === place));
  const lines = by < 0 ? [null] : values.axes[by].values.map((_, place) => place);
  return { x: values.axes[x], by: values.axes[by], lines: lines.map((line) => ({
    label: line === null ? values.words : `${values.axes[by].name} ${values.axes[by].labels[line]}`,
    cells: values.axes[x].values.map((_, place) => those.find(({ at }) => at[x] === place && (line === null || at[by] === line)) ?? null),
  })) };
}

const why = (cell) => (cell === null ? "the experiment has no such cell" : cell.words);
const has = (cell) => cell !== null && cell.value !== null;

function drawing(theme) {
  const what = shown();
  const { data, layout } = field("kind").value === "map" && what.by ? map(theme, what) : linesOf(theme, what);
  // Whoever has looked closer stays there while values come, and sees all of another choice.
  return { data, layout: { ...layout, uirevision: `${new URLSearchParams(new FormData(form))}` } };
}

function linesOf(theme, { x, lines }) {
  document.getElementById("chart-range").textContent = "";
  const numeric = x.numeric, places = numeric ? x.values : x.labels.map(plain);
  const crosses = { x: [], y: [], text: [], customdata: [] };
  places.forEach((place, i) => lines.filter(({ cells }) => !has(cells[i])).forEach(({ label, cells }, above) => {
    crosses.x.push(place);
    crosses.y.push(LOWEST_CROSS + above * CROSS_STEP);
    crosses.text.push(plain(`${label}: ${why(cells[i])}`));
    crosses.customdata.push(cells[i]?.number ?? null);
  }));
  const log = numeric && field("logx").checked;
  return {
    data: [
      ...lines.map(({ label, cells }, line) => ({
        type: "scatter", mode: numeric ? "lines+markers" : "markers", name: plain(label), x: places, y: cells.map((cell) => cell?.value ?? null), connectgaps: false,
        line: { width: 2, dash: DASHES[Math.floor(line / COLOURS.length) % DASHES.length], color: COLOURS[line % COLOURS.length] },
        marker: { size: 8, color: COLOURS[line % COLOURS.length], symbol: cells.map((cell) => `${SYMBOLS[line % SYMBOLS.length]}${cell?.tainted ? "-open" : ""}`) },
        error_y: { type: "data", symmetric: false, thickness: 1.5, color: COLOURS[line % COLOURS.length], array: cells.map((cell) => (has(cell) && cell.high !== null ? cell.high - cell.value : 0)), arrayminus: cells.map((cell) => (has(cell) && cell.low !== null ? cell.value - cell.low : 0)) },
        text: cells.map((cell) => plain(`${label}: ${why(cell)}`)), hoverinfo: "text", customdata: cells.map((cell) => cell?.number ?? null),
      })),
      ...(crosses.x.length ? [{ type: "scatter", mode: "markers", name: "no result", yaxis: "y2", ...crosses, hoverinfo: "text", cliponaxis: false, marker: { symbol: "x-thin", size: 8, line: { width: 2, color: theme.bad } } }] : []),
    ],
    layout: {
      height: 420, hovermode: "closest", margin: { l: 64, r: 16, t: 12, b: 44 }, showlegend: lines.length > 1 || crosses.x.length > 0, legend: { orientation: "h", y: -0.2, yanchor: "top" },
      xaxis: { title: { text: plain(x.name), standoff: 6 }, type: numeric ? (log ? "log" : "linear") : "category", ...(numeric ? { tickmode: "array", tickvals: x.values, ticktext: x.labels } : {}) },
      yaxis: { title: { text: plain(`${values.words}, ${values.unit}`) }, type: field("logy").checked ? "log" : "linear", rangemode: "tozero", exponentformat: "SI" },
      yaxis2: { overlaying: "y", range: [0, 1], visible: false, fixedrange: true },
    },
  };
}

// Tiles are shapes, and what is pointed at are marks in their middle: Plotly's own heatmap is an image, which is refused.
function map(theme, { x, by, lines }) {
  const log = field("logy").checked, scaled = (value) => (log ? Math.log10(value) : value);
  const there = lines.flatMap(({ cells }) => cells.filter(has).map(({ value }) => scaled(value)).filter(Number.isFinite));
  const low = Math.min(...there), high = Math.max(...there);
  const data = { x: [], y: [], text: [], hovertext: [], customdata: [], colours: [], inks: [] }, shapes = [];
  lines.forEach(({ label, cells }, row) => cells.forEach((cell, column) => {
    const share = has(cell) && Number.isFinite(scaled(cell.value)) ? (high > low ? (scaled(cell.value) - low) / (high - low) : 0.5) : null;
    if (share !== null) shapes.push({ type: "rect", layer: "below", x0: column - 0.48, x1: column + 0.48, y0: row - 0.48, y1: row + 0.48, line: { width: cell.tainted ? 2 : 0, color: theme.busy }, fillcolor: colourAt(share) });
    data.x.push(column);
    data.y.push(row);
    data.text.push(has(cell) ? cell.shown : cell === null ? "" : "✕");
    data.inks.push(share === null ? theme.bad : share > 0.55 ? "#111111" : "#ffffff");
    data.hovertext.push(plain(`${label}, ${x.name} ${x.labels[column]}: ${why(cell)}`));
    data.customdata.push(cell?.number ?? null);
  }));
  document.getElementById("chart-range").textContent = there.length ? `${values.words}, ${values.unit}: from ${number(log ? 10 ** low : low)} (dark) to ${number(log ? 10 ** high : high)} (light).` : "";
  const ticks = (labels) => ({ tickmode: "array", tickvals: labels.map((_, i) => i), ticktext: labels.map(plain), range: [-0.5, labels.length - 0.5], showgrid: false, zeroline: false });
  return {
    data: [{ type: "scatter", mode: "markers+text", name: "", x: data.x, y: data.y, text: data.text, textposition: "middle center", textfont: { color: data.inks, size: 12 }, hovertext: data.hovertext, hoverinfo: "text", customdata: data.customdata, marker: { symbol: "square", size: 28, opacity: 0 } }],
    layout: {
      height: Math.max(220, 90 + 44 * lines.length), hovermode: "closest", showlegend: false, shapes, margin: { l: 64, r: 16, t: 30, b: 44 },
      xaxis: { title: { text: plain(x.name), standoff: 6 }, ...ticks(x.labels) },
      yaxis: { title: { text: plain(by.name) }, ...ticks(by.labels) },
    },
  };
}

function colourAt(share) {
  const after = Math.max(1, SCALE.findIndex(([place]) => place >= share));
  const [[from, a], [until, b]] = [SCALE[after - 1], SCALE[after]];
  const part = (share - from) / (until - from), channel = (hex, i) => parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16);
  return `rgb(${[0, 1, 2].map((i) => Math.round(channel(a, i) + part * (channel(b, i) - channel(a, i)))).join(",")})`;
}

// A table of what is drawn, for who cannot see it and for the links: each value leads to the run, or lists the runs.
function tabulate() {
  const { x, lines } = shown(), table = document.getElementById("chart-table");
  const at = [...table.querySelectorAll("button")].indexOf(document.activeElement);
  const row = (cells) => { const made = document.createElement("tr"); made.append(...cells); return made; };
  const cellOf = (tag, scope, text) => { const made = document.createElement(tag); if (scope) made.scope = scope; made.append(text); return made; };
  const body = lines.map(({ label, cells }) => row([cellOf("th", "row", label), ...cells.map((cell) => cellOf("td", "", content(cell)))]));
  table.tHead.replaceChildren(row([cellOf("th", "col", x.name), ...x.labels.map((text) => cellOf("th", "col", text))]));
  table.tBodies[0].replaceChildren(...body);
  if (at >= 0) table.querySelectorAll("button")[at]?.focus({ preventScroll: true });
}

function content(cell) {
  const text = has(cell) ? cell.shown : why(cell);
  if (!cell?.runs.length) return text;
  const made = document.createElement("button");
  Object.assign(made, { type: "button", textContent: text.length > 40 ? `${text.slice(0, 39)}…` : text, title: cell.words });
  made.addEventListener("click", () => tell(cell));
  return made;
}

function tell(cell) {
  pickedCell = cell.number;
  const list = document.createElement("ul");
  list.className = "cell-runs";
  list.append(...cell.runs.map((run) => {
    const item = document.createElement("li");
    item.append(Object.assign(document.createElement("a"), { href: run.page, textContent: `repeat ${run.repeat + 1}: ${run.state.replaceAll("_", " ")}` }));
    return item;
  }));
  picked.replaceChildren(`Cell ${cell.number}: ${cell.words}${cell.method ? ` (${cell.method})` : ""}`, list);
}

const isThere = ({ figures, figure }) => figures.some(({ name }) => name === figure);
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

async function update(figure, { anew = false } = {}) {
  const turn = (asked += 1);
  try {
    let news = anew || values?.figure !== figure ? await read(figure) : values;
    if (news.figures.length && !isThere(news)) news = await read(news.figures[0].name);
    if (turn !== asked || (anew && same(news, values))) return;
    const before = values;
    values = news;
    section.hidden = !values.axes.length || !values.figures.length;
    if (section.hidden) return;
    // What a reader has under the cursor stays: fields are filled only when there is something else to choose from.
    if (!anew || !same([before?.axes, before?.figures], [values.axes, values.figures])) arrange();
    told.textContent = values.simulated ? "Simulated: says nothing of real boards." : "";
    tabulate();
    if (anew) tellAgain(before);
    if (chart) await chart.redraw();
    else await drawFirst();
  } catch (error) {
    if (turn !== asked) return;
    section.hidden = false;
    document.getElementById("values-chart").removeAttribute("aria-busy");
    told.textContent = `The chart could not be drawn: ${error.message}.`;
  }
}

function tellAgain(before) {
  const of = (all) => all?.cells.find(({ number: each }) => each === pickedCell);
  if (of(values) && !same(of(values), of(before))) tell(of(values));
}

async function drawFirst() {
  chart = await draw(document.getElementById("values-chart"), drawing);
  chart.on("plotly_click", ({ points }) => {
    const cell = values.cells.find(({ number: each }) => each === points[0].customdata);
    if (cell) tell(cell);
  });
}

// Reads the values that are shown again, and shows what has changed of them.
export const readAgain = () => update(values && isThere(values) ? values.figure : (wanted().get("figure") ?? "throughput"), { anew: true });

form.addEventListener("change", () => {
  remember();
  update(field("figure").value);
});
form.addEventListener("submit", (event) => event.preventDefault());
update(wanted().get("figure") ?? "throughput");
