// What was watched of several runs, laid over each other: a row for each metric, over the time since measuring began.

import { draw, number, plain, prepare, words } from "./chart.js";
import { readEach } from "./compared-runs.js";
import { axisOf, broken, heading, stacked } from "./stacked.js";

const POINTS = 1000, ROW_PX = 120;

// ``chosen()`` returns the names of the series to be drawn. Returns a function that draws what is chosen by then.
export async function seriesChart(element, runs, chosen) {
  prepare();
  const read = new Map();
  await readMissing();
  const chart = await draw(element, (theme) => drawing(theme, chosen().map((name) => [name, read.get(name)])));
  return async () => {
    await readMissing();
    await chart.redraw();
  };

  // A run that does not have a series has no line in its row.
  function readMissing() {
    return Promise.all(chosen().filter((name) => !read.has(name)).map(async (name) =>
      read.set(name, await readEach(runs, `series/${encodeURIComponent(name)}?points=${POINTS}`, () => {}))));
  }
}

function drawing(theme, chosen) {
  const rows = chosen.map(() => ({ px: ROW_PX }));
  const height = stacked(rows);
  const shifted = chosen.map(([name, read]) => [name, read.map((one) => {
    const [time, value] = broken(one);
    return { ...one, time: time.map((at) => at - one.run.began), shown: value };
  })]);
  const times = shifted.flatMap(([, read]) => read.flatMap(({ time }) => (time.length ? [time[0], time.at(-1)] : [])));
  const start = Math.min(0, ...times), end = Math.max(0, ...times);
  const layout = {
    height, showlegend: false, hovermode: "closest", margin: { l: 64, r: 16, t: 8, b: 44 }, annotations: [],
    xaxis: { title: { text: "seconds since measuring began", standoff: 6 }, range: [start, end], anchor: "free", position: 0 },
    shapes: [{ type: "rect", layer: "below", xref: "x", yref: "paper", x0: start, x1: 0, y0: 0, y1: 1, fillcolor: theme.shade, line: { width: 0 } }],
  };
  const data = shifted.flatMap(([name, read], row) => {
    const { y, key } = axisOf(row + 1), unit = read[0]?.unit ?? "1", withUnit = unit === "1" ? "" : ` ${unit}`;
    layout[key] = { domain: rows[row].domain, anchor: "x", nticks: 4, rangemode: unit === "%" ? "tozero" : "normal", exponentformat: "SI" };
    const scopes = [...new Set(read.map(({ scope }) => words(scope)))].join(" or ");
    heading(layout, rows[row].domain, `${words(name)}${unit === "1" ? "" : `, ${unit}`} · ${scopes}`);
    return read.map(({ run, kind, time, shown }) => ({
      type: "scatter", mode: "lines", x: time, y: shown, yaxis: y, name: plain(run.name), connectgaps: false, line: { ...run.line, width: 1.2, shape: kind === "flag" ? "hv" : "linear" },
      hoverinfo: "text", text: shown.map((value, i) => (value === null ? "" : plain(`${run.name}, ${number(time[i])} s: ${number(value)}${withUnit}`))),
    }));
  });
  return { data, layout };
}
