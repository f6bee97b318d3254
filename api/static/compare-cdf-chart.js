// How the measured steps of several runs were distributed: the cumulative share of each, over one logarithmic axis.

import { draw, labelsWithin, number, plain, prepare, words } from "./chart.js";
import { readEach } from "./compared-runs.js";

const BINS = 400, LEAST_SPAN = 1.05;

// ``per()`` says what durations are of: a "step", or a "sample" of one. Returns a function that draws anew.
export async function cdfChart(element, runs, per, missing) {
  prepare();
  const read = await readEach(runs, `timings/histogram?bins=${BINS}`, missing);
  const chart = await draw(element, (theme, width) => drawing(theme, width, read, per()));
  return chart.redraw;
}

function drawing(theme, width, read, per) {
  const lines = read.map(({ run, name, unit, samples, edges, counts }) => {
    const size = per === "sample" ? run.size : 1;
    let sum = 0;
    return { run, name, unit, x: edges.map((edge) => edge / size), share: [0, ...counts.map((count) => (sum += count) / samples)] };
  });
  const low = Math.min(...lines.map(({ x }) => x[0])), high = Math.max(...lines.map(({ x }) => x.at(-1)));
  const timed = [...new Set(lines.map(({ name }) => words(name)))].join(" or ");
  return {
    data: lines.map(({ run, unit, x, share }) => ({
      type: "scatter", mode: "lines", x, y: share, line: run.line, name: plain(run.name), hoverinfo: "text",
      text: x.map((value, i) => plain(`${run.name}: ${number(100 * share[i])} % within ${number(value)} ${unit}`)),
    })),
    layout: {
      height: 340, showlegend: false, hovermode: "closest", margin: { l: 64, r: 24, t: 8, b: 44 },
      xaxis: { type: high / low > LEAST_SPAN ? "log" : "linear", title: { text: plain(`${timed} per ${per}, ${lines[0]?.unit ?? ""}`), standoff: 6 }, nticks: labelsWithin(width), exponentformat: "SI" },
      yaxis: { range: [-0.02, 1.04], tickformat: ".0%", title: { text: "took no longer" }, nticks: 6 },
    },
  };
}
