// The charts of a comparison: the steps and the series of its runs, laid over each other.

import { notDrawn } from "./chart.js";
import { cdfChart } from "./compare-cdf-chart.js";
import { seriesChart } from "./compare-series-chart.js";
import { comparedRuns } from "./compared-runs.js";

const list = document.getElementById("compared");
const told = document.getElementById("charts-told");

const missing = (run, why) => told.append(`${run.name} is not drawn: ${why}. `);

async function drawSteps(runs, element) {
  const form = document.getElementById("per");
  const again = await cdfChart(element, runs, () => form?.elements.per.value ?? "step", missing);
  form?.addEventListener("change", () => again().catch(notDrawn(element)));
}

async function drawSeries(runs, element) {
  const form = document.getElementById("series-choice");
  const chosen = () => [...form.querySelectorAll("input:checked")].map(({ value }) => value);
  const again = await seriesChart(element, runs, chosen);
  form.addEventListener("change", () => again().catch(notDrawn(element)));
}

if (list) {
  const runs = comparedRuns(list);
  for (const [id, drawn] of [["cdf-chart", drawSteps], ["series-chart", drawSeries]]) {
    const element = document.getElementById(id);
    if (element) drawn(runs, element).catch(notDrawn(element));
  }
}
