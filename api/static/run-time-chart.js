// Series of a run above one another, over one axis of time: phases and throttling on top, warm-up and window shaded, gaps
// hatched with their reason. Zooming reads the samples of that time anew, as close as they are. While the run goes on it
// grows with what the stream of its series tells.

import { draw, number, plain, prepare, words } from "./chart.js";
import { onStretch, seriesReader, STRETCHING, timeAxis } from "./series-reader.js";
import { axisOf, broken, heading, stacked } from "./stacked.js";

const POINTS = 2000, ROW_PX = 110, STRIP_PX = 26;
const MOST_REASONS = 6, NARROWEST = 1 / 1500;

// ``of`` says what is to be drawn by then: ``phases`` with name, start_s and end_s, null for the one that goes on, and
// ``chosen`` and ``flags``, series by their name and url. ``grown(name)`` is what there is of a series of a run that goes
// on, null for one that has ended; ``stretch`` what is looked at first, null for all. Returns a function that draws anew;
// ``looked(stretch)`` is called when the reader looks at another.
export async function timeChart(element, of, { grown = null, stretch = null, looked }) {
  prepare();
  const reader = seriesReader(POINTS, (_, why) => {
    throw new Error(why);
  });
  let span = stretch;

  // What the stream tells in outline only is read where it is looked at.
  const isRead = ({ name }) => !grown || (span !== null && (grown(name)?.downsampled_from ?? null) !== null);
  const wanted = () => [...of.chosen(), ...(grown ? [] : of.flags())].filter(isRead);
  const known = (which) => {
    const near = isRead(which) ? reader.of(which) : null;
    return grown && near ? joined(near, grown(which.name)) : (near ?? grown?.(which.name));
  };
  const all = (series) => series.map(known).filter(Boolean);

  if (span) await reader.look(span, wanted());
  await reader.fill(wanted());
  const chart = await draw(element, (theme, width) => drawing(theme, width, all(of.chosen()), of.phases(), all(of.flags()), span), STRETCHING);
  onStretch(chart, async (at) => {
    span = at;
    looked(at);
    // What cannot be read closer stays as it is.
    const isNow = await reader.look(at, wanted()).catch(() => false);
    if (isNow) chart.redraw();
  });

  return async () => {
    await reader.fill(wanted());
    await chart.redraw();
  };
}

// What was read of a stretch, and what has come since.
function joined(near, { time_s, value, gaps }) {
  const last = near.time_s.at(-1) ?? -Infinity, first = time_s.findIndex((time) => time > last);
  if (first < 0) return { ...near, gaps };
  return { ...near, gaps, time_s: [...near.time_s, ...time_s.slice(first)], value: [...near.value, ...value.slice(first)] };
}

function drawing(theme, width, series, phases, flags, span) {
  const rows = [...(phases.length ? [{ px: STRIP_PX }] : []), ...(flags.some(isSet) ? [{ px: STRIP_PX }] : []), ...series.map(() => ({ px: ROW_PX }))];
  const height = stacked(rows);
  const end = Math.max(0, ...series.flatMap(({ time_s }) => time_s.slice(-1)), ...phases.map(({ start_s, end_s }) => end_s ?? start_s));
  const start = Math.min(0, ...series.flatMap(({ time_s }) => time_s.slice(0, 1)));
  const window = series.find((one) => one.window)?.window ?? windowSoFar(phases, end);
  const layout = {
    height,
    showlegend: false,
    hovermode: "x",
    margin: { l: 64, r: 16, t: 8, b: 44 },
    xaxis: {
      ...timeAxis("seconds since the run began", span),
      showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "dot", spikecolor: theme.quiet,
    },
    shapes: window ? shades(theme, start, window) : [],
    annotations: [],
  };
  const data = [];
  let row = 0;
  if (phases.length) strip(theme, width, layout, data, rows[row], (row += 1), "Phases", phases.map((phase, i) => ({
    label: words(phase.name), start: phase.start_s, end: phase.end_s ?? end, level: 0, colour: phase.name === "measuring" ? theme.line : i % 2 ? theme.rule : theme.quiet,
  })));
  if (flags.some(isSet)) strip(theme, width, layout, data, rows[row], (row += 1), "Throttling", flags.flatMap((flag, level) =>
    spans(flag, end).map(([from, until]) => ({ label: words(flag.name), start: from, end: until, level, colour: theme.bad }))));
  for (const one of series) line(theme, width, layout, data, rows[row], (row += 1), one, start, end);
  return { data, layout };
}

// Of a run that goes on: what is measured by now, which begins at the end of what there is while it warms up.
function windowSoFar(phases, end) {
  const measuring = phases.find(({ name }) => name === "measuring");
  if (!phases.some(({ end_s }) => end_s === null)) return null;
  return measuring ? { start_s: measuring.start_s, end_s: measuring.end_s ?? end } : { start_s: end, end_s: end };
}

const isSet = ({ value }) => value.some((each) => each > 0);

function shades(theme, start, window) {
  const shade = (x0, x1, fillcolor, opacity) => ({ type: "rect", layer: "below", xref: "x", yref: "paper", x0, x1, y0: 0, y1: 1, fillcolor, opacity, line: { width: 0 } });
  return [shade(start, window.start_s, theme.shade, 1), shade(window.start_s, window.end_s, theme.window, 0.8)];
}

function strip(theme, width, layout, data, { domain }, place, title, bars) {
  const { y, key } = axisOf(place);
  layout[key] = { domain, anchor: "x", showticklabels: false, showgrid: false, zeroline: false, fixedrange: true, range: [-0.6, Math.max(0, ...bars.map(({ level }) => level)) + 0.6] };
  heading(layout, domain, width, [title]);
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

function line(theme, width, layout, data, { domain }, place, series, start, end) {
  const { y, key } = axisOf(place);
  layout[key] = { domain, anchor: "x", nticks: 4, rangemode: series.unit === "%" ? "tozero" : "normal", exponentformat: "SI", uirevision: series.name };
  const unit = series.unit === "1" ? "" : `, ${series.unit}`;
  heading(layout, domain, width, [`${words(series.name)}${unit}`, words(series.scope), series.downsampled_from !== null && `outline of ${series.downsampled_from.toLocaleString("en")} samples`]);
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
