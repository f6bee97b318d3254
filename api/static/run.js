// What a run's page can do besides being read: cancel, delete, search its environment, show its whole log, and its charts.

import { ask, askFirst, once, onPress } from "./actions.js";
import { notDrawn } from "./chart.js";
import { localize } from "./local-times.js";

localize(document);

const page = document.getElementById("run");
const problems = document.getElementById("problems");

onPress(page, {
  cancel: () => ask(problems, `${page.dataset.url}/cancel`, { method: "POST" }),
  delete: (button) => askFirst(document.getElementById("deleting"), () => once(button, remove)),
  log: wholeLog,
});

async function remove() {
  if (await ask(problems, page.dataset.url, { method: "DELETE" })) location.assign(page.dataset.list);
}

async function wholeLog(button) {
  const answer = await ask(problems, button.dataset.url);
  if (!answer) return;
  const log = document.getElementById("log");
  log.textContent = await answer.text();
  log.focus();
  button.remove();
}

const find = document.getElementById("find-fact");
find?.addEventListener("input", () => {
  const wanted = find.value.trim().toLowerCase();
  let left = 0;
  for (const fact of document.querySelectorAll("#environment-facts > div")) {
    fact.hidden = !fact.textContent.toLowerCase().includes(wanted);
    left += !fact.hidden;
  }
  document.getElementById("found-facts").textContent = wanted ? `${left} found` : "";
});

async function drawSteps(element) {
  const { timingChart } = await import("./run-timing-chart.js");
  await timingChart(element, `${page.dataset.url}/timings/histogram`);
}

async function drawTime(element) {
  const { timeChart } = await import("./run-time-chart.js");
  const form = document.getElementById("series-choice");
  const choices = [...form.querySelectorAll("input")];
  const phases = [...document.querySelectorAll("#phases li")].map(({ dataset }) => ({ name: dataset.phase, start_s: Number(dataset.start), end_s: Number(dataset.end) }));
  const flags = [...form.querySelectorAll("[data-flag]")].map(({ dataset }) => dataset.flag);
  const again = await timeChart(element, phases, () => choices.filter(({ checked }) => checked), flags);
  form.addEventListener("change", () => again().catch(notDrawn(element)));
}

for (const [id, drawn] of [["timing-chart", drawSteps], ["time-chart", drawTime]]) {
  const element = document.getElementById(id);
  if (element) drawn(element).catch(notDrawn(element));
}
