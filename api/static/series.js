// Draws the series of a run while they grow. Without this script the drawings are as they were when the page was loaded.

const WIDTH = 240, HEIGHT = 36, MARGIN = 2;
const POINTS = 2 * WIDTH, MOST_KEPT = 4 * POINTS;
const SVG = "http://www.w3.org/2000/svg";
const page = document.getElementById("run");
const table = document.getElementById("series");
const known = new Map();
let axis = { start: 0, end: 0 };
let drawing = 0;

const words = (name) => name.replaceAll("_", " ");
const number = (value) => value.toLocaleString("en", { maximumSignificantDigits: 4 });
const withUnit = (value, unit) => (unit === "1" ? number(value) : `${number(value)} ${unit}`);

// What has no sample has no row, but a place in the list of absent series.
function rowOf(series) {
  const rows = table.querySelectorAll("tr[data-series]");
  const found = [...rows].find((row) => row.dataset.series === series.news.name);
  return found ?? (series.value.length ? addedRow(series.news) : null);
}

function addedRow(news) {
  const row = document.getElementById("series-row").content.firstElementChild.cloneNode(true);
  row.dataset.series = news.name;
  const link = row.querySelector("a");
  link.textContent = words(news.name);
  link.href = `${page.dataset.series}/${encodeURIComponent(news.name)}`;
  row.querySelector("[data-unit]").textContent = news.unit === "1" ? "" : news.unit;
  row.querySelector("[data-source]").textContent = news.source;
  const group = table.querySelector(`tbody[data-scope="${news.scope}"]`);
  group.hidden = false;
  group.append(row);
  return row;
}

function take(news) {
  const series = known.get(news.name) ?? { news, row: null, count: 0, time: [], value: [], gaps: new Map() };
  known.set(news.name, series);
  series.count += news.downsampled_from ?? news.time_s.length;
  news.time_s.forEach((time, i) => {
    if (news.value[i] === null) return;
    series.time.push(time);
    series.value.push(news.value[i]);
  });
  for (const gap of news.gaps) series.gaps.set(gap.start_s, gap);
  if (series.time.length > MOST_KEPT) thin(series);
  drawing ||= requestAnimationFrame(drawAll);
}

// Keeps the lowest and the highest sample of each stretch, so that no peak is lost.
function thin(series) {
  const stretch = Math.ceil(series.time.length / POINTS) * 2;
  const kept = new Set();
  for (let start = 0; start < series.time.length; start += stretch) {
    let low = start, high = start;
    for (let i = start; i < Math.min(start + stretch, series.time.length); i++) {
      if (series.value[i] < series.value[low]) low = i;
      if (series.value[i] > series.value[high]) high = i;
    }
    kept.add(low).add(high);
  }
  const order = [...kept].sort((a, b) => a - b);
  series.time = order.map((i) => series.time[i]);
  series.value = order.map((i) => series.value[i]);
}

function drawAll() {
  drawing = 0;
  for (const { time, gaps } of known.values()) {
    if (time.length) axis = { start: Math.min(axis.start, time[0]), end: Math.max(axis.end, time.at(-1)) };
    for (const gap of gaps.values()) axis.end = Math.max(axis.end, gap.start_s, gap.end_s ?? 0);
  }
  for (const [name, series] of known) draw(name, series);
}

function draw(name, series) {
  series.row ??= rowOf(series);
  if (!series.row) return;
  const latest = series.row.querySelector("[data-latest]");
  const open = [...series.gaps.values()].find((gap) => gap.end_s === null);
  if (latest && open) latest.textContent = `${words(open.state)}: ${open.reason}`;
  else if (latest && series.value.length) latest.textContent = `now ${withUnit(series.value.at(-1), series.news.unit)}`;
  series.row.querySelector("[data-samples]").textContent = series.count.toLocaleString("en");
  if (series.value.length) series.row.querySelector("[data-drawing]").replaceChildren(picture(name, series));
}

function picture(name, series) {
  const low = series.value.reduce((a, b) => Math.min(a, b)), high = series.value.reduce((a, b) => Math.max(a, b));
  const gaps = [...series.gaps.values()].sort((a, b) => a.start_s - b.start_s);
  const label = `${words(name)} over ${number(axis.end)} s, from ${number(low)} to ${withUnit(high, series.news.unit)}, ${gaps.length} gap${gaps.length === 1 ? "" : "s"}`;
  const svg = element("svg", {
    class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT,
    role: "img", "aria-label": label, preserveAspectRatio: "none",
  });
  svg.append(...gaps.map(shade), element("path", { class: "line", d: path(series, gaps, low, high) }));
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
function path(series, gaps, low, high) {
  if (series.news.kind === "event") return series.time.map((time) => `M${across(time).toFixed(1)},${HEIGHT}V0`).join("");
  let drawn = "", behind = 0, cut = true;
  series.time.forEach((time, i) => {
    while (behind < gaps.length && gaps[behind].start_s < time) {
      behind += 1;
      cut = true;
    }
    const up = high > low ? (series.value[i] - low) / (high - low) : 0.5;
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

const source = new EventSource(`${page.dataset.series}/events?points=${POINTS}`);
source.addEventListener("samples", (event) => take(JSON.parse(event.data)));
source.addEventListener("restart", () => {
  for (const { row } of known.values()) row?.querySelector("[data-drawing]").replaceChildren();
  known.clear();
  axis = { start: 0, end: 0 };
});
for (const last of ["end", "gone"]) source.addEventListener(last, () => source.close());
