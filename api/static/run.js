// What a run's page can do besides being read: cancel, delete, search its environment, show its whole log, and its charts.

import { ask, askFirst, once, onPress } from "./actions.js";
import { notDrawn } from "./chart.js";
import { localize } from "./local-times.js";
import { showChosen, view } from "./run-view.js";

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

const open = (text) => (text === "" ? null : Number(text));

async function drawTime(element) {
  const { timeChart } = await import("./run-time-chart.js");
  const stream = "growing" in page.dataset ? await import("./series-stream.js") : null;
  const boxes = () => [...document.querySelectorAll("#series-choice input")];
  showChosen(document);
  const again = await timeChart(element, {
    phases: () => [...document.querySelectorAll("#phases li")].map(({ dataset }) => ({ name: dataset.phase, start_s: Number(dataset.start), end_s: open(dataset.end) })),
    chosen: () => boxes().filter(({ checked }) => checked).map(({ value, dataset }) => ({ name: value, url: dataset.url })),
    flags: () => [...document.querySelectorAll("#series-choice [data-flag]")].map(({ dataset }) => ({ name: dataset.flag, url: dataset.url })),
  }, { grown: stream?.grown, stretch: view.stretch, looked: (stretch) => (view.stretch = stretch) });
  const redraw = () => again().catch(notDrawn(element));
  page.addEventListener("change", ({ target }) => {
    if (!target.closest("#series-choice")) return;
    view.chosen = boxes().filter(({ checked }) => checked).map(({ value }) => value);
    redraw();
  });
  // What grows is drawn again soon: until then the chart stays as it is.
  const grow = () => again().catch(() => {});
  stream?.onGrowth(grow);
  document.addEventListener("taken-over", grow);
}

const begun = new Set();

// The chart of a run that goes on is there as soon as something was watched.
function drawCharts() {
  for (const [id, drawn] of [["timing-chart", drawSteps], ["time-chart", drawTime]]) {
    const element = document.getElementById(id);
    if (!element || begun.has(element)) continue;
    begun.add(element);
    drawn(element).catch(notDrawn(element));
  }
}

drawCharts();
document.addEventListener("taken-over", drawCharts);
