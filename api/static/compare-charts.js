// The charts of a comparison: the steps and the series of its runs, laid over each other.

import { cdfChart } from "./compare-cdf-chart.js";
import { seriesChart } from "./compare-series-chart.js";
import { comparedRuns } from "./compared-runs.js";

const list = document.getElementById("compared");
const told = document.getElementById("charts-told");

const failed = (element) => (error) => (element.textContent = `The chart could not be drawn: ${error.message}. The tables have its numbers.`);
const missing = (run, why) => told.append(`${run.name} is not drawn: ${why}. `);

async function drawSteps(runs, element) {
  const form = document.getElementById("per");
  const again = await cdfChart(element, runs, () => form?.elements.per.value ?? "step", missing);
  form?.addEventListener("change", () => again().catch(failed(element)));
}

async function drawSeries(runs, element) {
  const form = document.getElementById("series-choice");
  const chosen = () => [...form.querySelectorAll("input:checked")].map(({ value }) => value);
  const again = await seriesChart(element, runs, chosen);
  form.addEventListener("change", () => again().catch(failed(element)));
}

if (list) {
  const runs = comparedRuns(list);
  for (const [id, drawn] of [["cdf-chart", drawSteps], ["series-chart", drawSeries]]) {
    const element = document.getElementById(id);
    if (element) drawn(runs, element).catch(failed(element));
  }
}
