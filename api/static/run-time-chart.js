// Series of a run above one another, over one axis of time: phases and throttling on top, warm-up and window shaded, gaps
// hatched with their reason. Zooming reads the samples of that time anew, as close as they are.

import { draw, number, plain, prepare, words } from "./chart.js";
import { axisOf, broken, heading, stacked } from "./stacked.js";

const POINTS = 2000, ROW_PX = 110, STRIP_PX = 26;
const MOST_REASONS = 6, NARROWEST = 1 / 1500;

const get = async (url) => {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`the service answered ${answer.status}`);
  return answer.json();
};

// ``phases`` have name, start_s and end_s; ``chosen()`` returns the elements that name the series to be drawn.
export async function timeChart(element, phases, chosen, flags) {
  prepare();
  const read = new Map();
  let span = null;
  const series = () => chosen().map((choice) => read.get(choice.value)).filter(Boolean);
  const set = await Promise.all(flags.map((flag) => get(`${flag}?points=${POINTS}`)));
  await missing();
  const chart = await draw(element, (theme) => drawing(theme, series(), phases, set, span));
  chart.on("plotly_relayout", zoomed);

  async function missing() {
    await Promise.all(chosen().filter(({ value }) => !read.has(value)).map(async ({ value, dataset }) => {
      const range = span ? `&start_s=${span[0]}&end_s=${span[1]}` : "";
      read.set(value, { ...(await get(`${dataset.url}?points=${POINTS}${range}`)), url: dataset.url });
    }));
  }

  let asked = 0;
  async function zoomed(change) {
    const from = change["xaxis.range[0]"], until = change["xaxis.range[1]"];
    const whole = change["xaxis.autorange"];
    if (from === undefined && !whole) return;
    span = whole ? null : [Number(from), Number(until)];
    const turn = (asked += 1);
    const coarse = series().filter((one) => one.downsampled_from !== null || one.zoomed);
    const news = await Promise.all(coarse.map((one) =>
      get(`${one.url}?points=${POINTS}${span ? `&start_s=${span[0]}&end_s=${span[1]}` : ""}`)));
    if (turn !== asked) return;
    news.forEach((fresh, i) => read.set(fresh.name, { ...fresh, url: coarse[i].url, zoomed: span !== null }));
    chart.redraw();
  }

  return async () => {
    await missing();
    await chart.redraw();
  };
}

function drawing(theme, series, phases, flags, span) {
  const rows = [...(phases.length ? [{ px: STRIP_PX }] : []), ...(flags.some(isSet) ? [{ px: STRIP_PX }] : []), ...series.map(() => ({ px: ROW_PX }))];
  const height = stacked(rows);
  const end = Math.max(0, ...series.flatMap(({ time_s }) => time_s.slice(-1)), ...phases.map(({ end_s }) => end_s));
  const start = Math.min(0, ...series.flatMap(({ time_s }) => time_s.slice(0, 1)));
  const window = series.find((one) => one.window)?.window;
  const layout = {
    height,
    showlegend: false,
    hovermode: "x",
    margin: { l: 64, r: 16, t: 8, b: 44 },
    xaxis: {
      title: { text: "seconds since the run began", standoff: 6 }, range: span ?? [start, end], anchor: "free", position: 0,
      showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "dot", spikecolor: theme.quiet,
    },
    shapes: window ? shades(theme, start, window) : [],
    annotations: [],
  };
  const data = [];
  let row = 0;
  if (phases.length) strip(theme, layout, data, rows[row], (row += 1), "Phases", phases.map((phase, i) => ({
    label: words(phase.name), start: phase.start_s, end: phase.end_s, level: 0, colour: phase.name === "measuring" ? theme.line : i % 2 ? theme.rule : theme.quiet,
  })));
  if (flags.some(isSet)) strip(theme, layout, data, rows[row], (row += 1), "Throttling", flags.flatMap((flag, level) =>
    spans(flag, end).map(([from, until]) => ({ label: words(flag.name), start: from, end: until, level, colour: theme.bad }))));
  for (const one of series) line(theme, layout, data, rows[row], (row += 1), one, start, end);
  return { data, layout };
}

const isSet = ({ value }) => value.some((each) => each > 0);

function shades(theme, start, window) {
  const shade = (x0, x1, fillcolor, opacity) => ({ type: "rect", layer: "below", xref: "x", yref: "paper", x0, x1, y0: 0, y1: 1, fillcolor, opacity, line: { width: 0 } });
  return [shade(start, window.start_s, theme.shade, 1), shade(window.start_s, window.end_s, theme.window, 0.8)];
}

function strip(theme, layout, data, { domain }, place, title, bars) {
  const { y, key } = axisOf(place);
  layout[key] = { domain, anchor: "x", showticklabels: false, showgrid: false, zeroline: false, fixedrange: true, range: [-0.6, Math.max(0, ...bars.map(({ level }) => level)) + 0.6] };
  heading(layout, domain, title);
  for (const bar of bars) {
    const text = plain(`${bar.label}: ${number(bar.start)} to ${number(bar.end)} s`);
    data.push({ type: "scatter", mode: "lines", x: [bar.start, (bar.start + bar.end) / 2, bar.end], y: [bar.level, bar.level, bar.level], yaxis: y, line: { width: 9, color: bar.colour }, text: [text, text, text], hoverinfo: "text" });
  }
}

// From when until when a flag was set.
function spans({ time_s, value }, end) {
  const found = [];
  let since = null;
  time_s.forEach((time, i) => {
    if (value[i] > 0) since ??= time;
    else if (since !== null) {
      found.push([since, time]);
      since = null;
    }
  });
  return since === null ? found : [...found, [since, end]];
}

function line(theme, layout, data, { domain }, place, series, start, end) {
  const { y, key } = axisOf(place);
  layout[key] = { domain, anchor: "x", nticks: 4, rangemode: series.unit === "%" ? "tozero" : "normal", exponentformat: "SI" };
  const unit = series.unit === "1" ? "" : `, ${series.unit}`;
  heading(layout, domain, `${words(series.name)}${unit} · ${words(series.scope)}${series.downsampled_from === null ? "" : ` · outline of ${series.downsampled_from.toLocaleString("en")} samples`}`);
  const gaps = merged(series.gaps, end, (end - start) * NARROWEST);
  const [time, value] = broken(series, gaps);
  const event = series.kind === "event";
  data.push({
    type: "scatter", mode: event ? "markers" : "lines", x: time, y: value, yaxis: y, name: "", connectgaps: false, line: { width: 1.2, color: theme.line, shape: series.kind === "flag" ? "hv" : "linear" },
    marker: { color: theme.bad, symbol: "line-ns-open", size: 14 }, hovertemplate: `%{x:.4~r} s: %{y:.5~g}${plain(series.unit === "1" ? "" : ` ${series.unit}`)}`,
  });
  if (gaps.length) hatches(theme, layout, data, domain, place, gaps);
}

// Gaps that are too narrow to be told apart and have one reason are one.
function merged(gaps, end, narrowest) {
  const found = [];
  for (const gap of gaps) {
    const until = gap.end_s ?? end, last = found.at(-1);
    const why = `${words(gap.state)}: ${gap.reason}`;
    if (last && last.why === why && gap.start_s - last.end <= narrowest) last.end = Math.max(last.end, until);
    else found.push({ start: gap.start_s, end: until, why });
  }
  return found;
}

function hatches(theme, layout, data, domain, place, gaps) {
  const { y, key } = axisOf(place + 50);
  layout[key] = { domain, overlaying: axisOf(place).y, range: [0, 1], visible: false, fixedrange: true };
  const byReason = Map.groupBy(gaps, ({ why }) => why);
  for (const [why, those] of [...byReason].slice(0, MOST_REASONS)) {
    data.push({
      type: "scatter", mode: "lines", yaxis: y, fill: "toself", hoveron: "fills", name: plain(why), text: plain(why), hoverinfo: "text", line: { width: 0, color: theme.gap },
      fillcolor: "rgba(0,0,0,0)", fillpattern: { shape: "/", fgcolor: theme.gap, size: 7, solidity: 0.25 },
      x: those.flatMap(({ start, end }) => [start, start, end, end, start, null]), y: those.flatMap(() => [0, 1, 1, 0, 0, null]),
    });
  }
}
