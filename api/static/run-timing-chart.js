// How the steps of the measured window were distributed: a histogram and the cumulative share, over one logarithmic axis.

import { draw, labelsWithin, number, plain, prepare, words } from "./chart.js";

const MARKED = [0.5, 0.9, 0.95, 0.99, 0.999];
const SIDES_PX = 88, HALF_PX = 160, NAME_PX = 36, LINE_PX = 14;

export async function timingChart(element, url) {
  prepare();
  const answer = await fetch(url);
  if (!answer.ok) throw new Error((await answer.json().catch(() => null))?.detail ?? `the service answered ${answer.status}`);
  const steps = await answer.json();
  return draw(element, (theme, width) => drawing(theme, width, steps));
}

function drawing(theme, width, { name, unit, samples, edges, counts, quantiles }) {
  let sum = 0;
  const below = [0, ...counts.map((count) => (sum += count) / samples)];
  const bins = counts.map((count, i) => plain(`${number(edges[i])} to ${number(edges[i + 1])} ${unit}: ${count.toLocaleString("en")} steps, ${number((100 * count) / samples)} %`));
  const marked = quantiles.filter(({ probability, value }) => MARKED.includes(probability) && value !== null);
  const axis = edges.at(-1) / edges[0] > 1.05 ? { type: "log" } : { type: "linear" };
  return {
    data: [
      { type: "scatter", mode: "lines", line: { shape: "hv", width: 1, color: theme.line }, fill: "tozeroy", x: edges, y: [...counts, counts.at(-1)], text: [...bins, bins.at(-1)], hoverinfo: "text", name: "steps" },
      { type: "scatter", mode: "lines", line: { width: 1.6, color: theme.line }, x: edges, y: below, yaxis: "y2", name: "", hovertemplate: `%{y:.4~%} within %{x:.4~g} ${plain(unit)}` },
      {
        type: "scatter", mode: "markers+text", x: marked.map(({ value }) => value), y: marked.map(({ probability }) => probability), yaxis: "y2", name: "", marker: { color: theme.busy, size: 7 },
        text: legible(marked, edges, axis.type, width), textposition: "top left", cliponaxis: false, hovertemplate: marked.map(({ probability, value }) => `p${number(100 * probability)}: ${number(value)} ${plain(unit)}`),
      },
    ],
    layout: {
      height: 420, showlegend: false, hovermode: "closest", margin: { l: 64, r: 24, t: 8, b: 44 },
      xaxis: { ...axis, anchor: "y2", title: { text: plain(`${words(name)}, ${unit}`), standoff: 6 }, nticks: labelsWithin(width), exponentformat: "SI" },
      yaxis: { domain: [0.54, 1], rangemode: "tozero", title: { text: "steps" }, nticks: 5 },
      yaxis2: { domain: [0, 0.46], range: [-0.02, 1.04], tickformat: ".0%", title: { text: "took no longer" }, nticks: 5 },
    },
  };
}

// What marks are called, above and left of them, where the line is not; nothing where it would lie on another's name.
function legible(marked, edges, type, width) {
  const scaled = (value) => (type === "log" ? Math.log(value) : value);
  const low = scaled(edges[0]), px = (width - SIDES_PX) / (scaled(edges.at(-1)) - low);
  const named = [];
  return marked.map(({ probability, value }) => {
    const at = { x: (scaled(value) - low) * px, y: probability * HALF_PX };
    if (named.some(({ x, y }) => Math.abs(at.x - x) < NAME_PX && Math.abs(at.y - y) < LINE_PX)) return "";
    named.push(at);
    return `p${number(100 * probability)}`;
  });
}
