// Plans and submits the experiment in the form. What was planned can be submitted, and nothing else.

import { problemOf, showProblems, unreachable } from "./problems.js";
import { wayInto } from "./yaml-text.js";

const MOST_BYTES = 1 << 20;
const YAML = { "Content-Type": "application/yaml" };
const form = document.getElementById("experiment-form");
const file = document.getElementById("file");
const planButton = document.getElementById("plan-button");
const submitButton = document.getElementById("submit-button");
const problems = document.getElementById("problems");
const standing = document.getElementById("standing");
const section = document.getElementById("plan");
let planned = null;
let busy = false;

// One thing at a time, and a plan counts for the very text that it was made of.
function settle() {
  const isPlanned = planned !== null && planned === file.value;
  planButton.disabled = busy;
  submitButton.disabled = busy || !isPlanned || "notAllowed" in submitButton.dataset;
  section.hidden = !isPlanned;
  document.getElementById("submit-hint").hidden = isPlanned;
}

async function send(url, doing) {
  busy = true;
  settle();
  standing.textContent = doing;
  refuse([]);
  try {
    const answer = await fetch(url, { method: "POST", headers: YAML, body: file.value });
    if (answer.ok) return await answer.json();
    refuse(await problemOf(answer));
  } catch (error) {
    refuse(unreachable(error));
  } finally {
    busy = false;
    standing.textContent = "";
    settle();
  }
  return null;
}

function refuse(found) {
  file.ariaInvalid = found.length > 0;
  showProblems(problems, found, wayInto(file));
}

function duration(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds), hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
}

const label = (value) => (value === null ? "none" : typeof value === "string" ? value : JSON.stringify(value));
const nameOf = (cell) =>
  Object.entries(cell.coordinates).map(([axis, value]) => `${axis} ${label(value)}`).join(", ") || "the only cell";

function show(plan) {
  const skipped = plan.cells.filter((cell) => cell.skipped !== null).length;
  const { device, layouts, recuts } = plan;
  const facts = {
    device: `${device.model}${device.simulated ? " (simulated)" : ""} ${device.uuid}`,
    expected: `${duration(plan.expected_s)}, by ${plan.expected_from}`,
    longest: duration(plan.longest_s),
    cells: `${plan.cells.length}${skipped ? `, ${skipped} of them skipped` : ""}`,
    runs: `${plan.runs} in ${plan.order.length} repeats`,
    layouts: layouts.length ? `${layouts.join(", ")}; cut ${recuts} times` : "none needed",
  };
  for (const [name, text] of Object.entries(facts)) section.querySelector(`[data-fact="${name}"]`).textContent = text;
  document.getElementById("planned").replaceChildren(...plan.cells.map(rowOf));
}

function rowOf(cell) {
  const template = document.getElementById(cell.skipped === null ? "planned-cell" : "skipped-cell");
  const row = template.content.firstElementChild.cloneNode(true);
  const texts =
    cell.skipped === null
      ? { cell: nameOf(cell), runs: cell.runs, sharing: cell.sharing ?? "", layout: cell.layout ?? "", time: duration(cell.expected_s) }
      : { cell: nameOf(cell), skipped: `skipped: ${cell.skipped}` };
  for (const [name, text] of Object.entries(texts)) row.querySelector(`[data-${name}]`).textContent = text;
  return row;
}

planButton.addEventListener("click", async () => {
  const text = file.value;
  const plan = await send(`${form.dataset.experiments}/plan`, "Planning …");
  if (!plan) return;
  show(plan);
  planned = text;
  settle();
  section.focus();
});

submitButton.addEventListener("click", async () => {
  const submitted = await send(form.dataset.experiments, "Submitting …");
  if (submitted) location.assign(submitted.page);
});

document.getElementById("chosen").addEventListener("change", async ({ target }) => {
  const [chosen] = target.files;
  if (!chosen) return;
  if (chosen.size > MOST_BYTES) {
    refuse([{ place: chosen.name, detail: `${chosen.size} bytes are more than an experiment may have` }]);
  } else {
    try {
      file.value = new TextDecoder("utf-8", { fatal: true }).decode(await chosen.arrayBuffer());
      refuse([]);
    } catch {
      refuse([{ place: chosen.name, detail: "this file is not text in UTF-8" }]);
    }
  }
  target.value = "";  // so that the same file can be chosen again when it has changed
  settle();
});

form.addEventListener("submit", (event) => event.preventDefault());
file.addEventListener("input", settle);
settle();
