// Draws the series of a run while they grow. Without this script the drawings are as they were when the page was loaded.

import { grown, grownNames, onGrowth } from "./series-stream.js";

const WIDTH = 240, HEIGHT = 36, MARGIN = 2;
const SVG = "http://www.w3.org/2000/svg";
const page = document.getElementById("run");
const table = document.getElementById("series");
const drawn = new Map();
let axis = { start: 0, end: 0 };

const words = (name) => name.replaceAll("_", " ");
const number = (value) => value.toLocaleString("en", { maximumSignificantDigits: 4 });
const withUnit = (value, unit) => (unit === "1" ? number(value) : `${number(value)} ${unit}`);

// What has no sample has no row, but a place in the list of absent series.
function rowOf(series) {
  const rows = table.querySelectorAll("tr[data-series]");
  const found = [...rows].find((row) => row.dataset.series === series.name);
  return found ?? (series.value.length ? addedRow(series) : null);
}

function addedRow({ name, unit, scope, source }) {
  const row = document.getElementById("series-row").content.firstElementChild.cloneNode(true);
  row.dataset.series = name;
  const link = row.querySelector("a");
  link.textContent = words(name);
  link.href = `${page.dataset.series}/${encodeURIComponent(name)}`;
  row.querySelector("[data-unit]").textContent = unit === "1" ? "" : unit;
  row.querySelector("[data-source]").textContent = source;
  const group = table.querySelector(`tbody[data-scope="${scope}"]`);
  group.hidden = false;
  group.append(row);
  return row;
}

function drawAll() {
  const all = grownNames().map(grown);
  axis = { start: 0, end: 0 };
  for (const { time_s, gaps } of all) {
    if (time_s.length) axis = { start: Math.min(axis.start, time_s[0]), end: Math.max(axis.end, time_s.at(-1)) };
    for (const gap of gaps) axis.end = Math.max(axis.end, gap.start_s, gap.end_s ?? 0);
  }
  for (const series of all) draw(series);
  // Of a run that begins anew there is nothing any more of what had come.
  for (const [name, row] of drawn) {
    if (grown(name)) continue;
    row.querySelector("[data-drawing]").replaceChildren();
    drawn.delete(name);
  }
}

function draw(series) {
  const row = rowOf(series);
  if (!row) return;
  const latest = row.querySelector("[data-latest]");
  const open = series.gaps.find((gap) => gap.end_s === null);
  if (latest && open) latest.textContent = `${words(open.state)}: ${open.reason}`;
  else if (latest && series.value.length) latest.textContent = `now ${withUnit(series.value.at(-1), series.unit)}`;
  row.querySelector("[data-samples]").textContent = series.count.toLocaleString("en");
  if (!series.value.length) return;
  row.querySelector("[data-drawing]").replaceChildren(picture(series));
  drawn.set(series.name, row);
}

function picture(series) {
  const { name, unit, value, gaps } = series;
  const low = value.reduce((a, b) => Math.min(a, b)), high = value.reduce((a, b) => Math.max(a, b));
  const label = `${words(name)} over ${number(axis.end)} s, from ${number(low)} to ${withUnit(high, unit)}, ${gaps.length} gap${gaps.length === 1 ? "" : "s"}`;
  const svg = element("svg", {
    class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT,
    role: "img", "aria-label": label, preserveAspectRatio: "none",
  });
  svg.append(...gaps.map(shade), element("path", { class: "line", d: path(series, low, high) }));
  return svg;
}

const across = (time) => Math.min(WIDTH, Math.max(0, ((time - axis.start) * WIDTH) / (axis.end - axis.start || 1)));

function shade(gap) {
  const width = Math.max(1, across(gap.end_s ?? axis.end) - across(gap.start_s));
  const left = Math.min(across(gap.start_s), WIDTH - width);
  const rect = element("rect", { class: "gap", x: left.toFixed(1), y: 0, width: width.toFixed(1), height: HEIGHT });
  rect.append(Object.assign(element("title", {}), { textContent: `${words(gap.state)}: ${gap.reason}` }));
  return rect;
}

// A line from gap to gap, or a mark for each event.
function path({ kind, time_s, value, gaps }, low, high) {
  if (kind === "event") return time_s.map((time) => `M${across(time).toFixed(1)},${HEIGHT}V0`).join("");
  let drawn = "", behind = 0, cut = true;
  time_s.forEach((time, i) => {
    while (behind < gaps.length && gaps[behind].start_s < time) {
      behind += 1;
      cut = true;
    }
    const up = high > low ? (value[i] - low) / (high - low) : 0.5;
    const point = `${across(time).toFixed(1)},${(HEIGHT - MARGIN - up * (HEIGHT - 2 * MARGIN)).toFixed(1)}`;
    drawn += cut ? `M${point}h0` : ` L${point}`;
    cut = false;
  });
  return drawn;
}

function element(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

onGrowth(drawAll);
