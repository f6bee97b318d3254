// What was watched of several runs, laid over each other: a row for each metric, over the time since measuring began.
// Zooming reads the samples of that time anew, as close as they are.

import { draw, number, plain, prepare, words } from "./chart.js";
import { onStretch, seriesReader, STRETCHING, timeAxis } from "./series-reader.js";
import { axisOf, broken, heading, stacked } from "./stacked.js";

const POINTS = 1000, ROW_PX = 120;

// ``chosen()`` returns the names of the series to be drawn. Returns a function that draws what is chosen by then.
export async function seriesChart(element, runs, chosen) {
  prepare();
  // A run that does not have a series has no line in its row.
  const reader = seriesReader(POINTS, () => {});
  let stretch = null;
  const seriesOf = (run, name) => ({ url: `${run.url}/series/${encodeURIComponent(name)}`, shift_s: run.began });
  const wanted = () => chosen().flatMap((name) => runs.map((run) => seriesOf(run, name)));
  const known = (name) => runs.map((run) => ({ ...reader.of(seriesOf(run, name)), run })).filter(({ time_s }) => time_s);

  await reader.fill(wanted());
  const chart = await draw(element, (theme, width) => drawing(theme, width, chosen().map((name) => [name, known(name)]), stretch), STRETCHING);
  onStretch(chart, async (at) => {
    stretch = at;
    // What cannot be read closer stays as it is.
    if (await reader.look(at, wanted()).catch(() => false)) chart.redraw();
  });
  return async () => {
    await reader.fill(wanted());
    await chart.redraw();
  };
}

function drawing(theme, width, chosen, stretch) {
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
    xaxis: timeAxis("seconds since measuring began", stretch),
    shapes: [{ type: "rect", layer: "below", xref: "x", yref: "paper", x0: start, x1: 0, y0: 0, y1: 1, fillcolor: theme.shade, line: { width: 0 } }],
  };
  const data = shifted.flatMap(([name, read], row) => {
    const { y, key } = axisOf(row + 1), unit = read[0]?.unit ?? "1", withUnit = unit === "1" ? "" : ` ${unit}`;
    layout[key] = { domain: rows[row].domain, anchor: "x", nticks: 4, rangemode: unit === "%" ? "tozero" : "normal", exponentformat: "SI", uirevision: name };
    const scopes = [...new Set(read.map(({ scope }) => words(scope)))].join(" or ");
    heading(layout, rows[row].domain, width, [`${words(name)}${unit === "1" ? "" : `, ${unit}`}`, scopes]);
    return read.map(({ run, kind, time, shown }) => ({
      type: "scatter", mode: "lines", x: time, y: shown, yaxis: y, name: plain(run.name), connectgaps: false, line: { ...run.line, width: 1.2, shape: kind === "flag" ? "hv" : "linear" },
      hoverinfo: "text", text: shown.map((value, i) => (value === null ? "" : plain(`${run.name}, ${number(time[i])} s: ${number(value)}${withUnit}`))),
    }));
  });
  return { data, layout };
}
