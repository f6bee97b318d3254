// The form of a submission: says while one types what is wrong, where it could run now, and how else it could be sent.

import { once } from "./actions.js";
import { copyCode } from "./copying.js";
import { fieldsOf, focusFirstInvalid, showAtFields } from "./fields.js";
import { problemOf, showProblems, unreachable } from "./problems.js";
import { requestText } from "./request-text.js";

const PAUSE_MS = 300;
const form = document.getElementById("submit-form");
const problems = document.getElementById("problems");
const submit = document.getElementById("submit");
const { runs, pages } = form.dataset;
const at = (id) => document.getElementById(id);
const workload = at("workload");
const choices = [...workload.children].map((group) => [group, [...group.children]]);
let timer = 0;
let asking = null;

// Fields that are asked for only where another one has a certain value: hidden ones are disabled, and so not sent.
function showWhatCounts() {
  for (const none of form.querySelectorAll("[data-none]")) at(none.dataset.none.replace(".", "-")).disabled = none.checked;
  for (const part of form.querySelectorAll("[data-when]")) {
    const [id, values] = part.dataset.when.split("=");
    const other = at(id) ?? at(`load-${id}`);
    part.hidden = !values.split(",").includes(other.value) || (other !== at(id) && at("scenario").value !== "server");
    if (part.matches("fieldset")) part.disabled = part.hidden;
    else for (const field of part.querySelectorAll("input, select")) field.disabled = part.hidden || isNone(field);
  }
}

const isNone = (field) => form.querySelector(`[data-none="${field.dataset.field}"]`)?.checked ?? false;

// The field that a problem belongs to: of the longest path that its place begins with.
function nameOf({ place }) {
  const path = place.replace(/^search\.max_(rate|batch)\./, "search.");
  const names = fieldsOf(form).map((field) => field.dataset.field);
  const found = names.filter((name) => path === name || path.startsWith(`${name}.`));
  return found.sort((one, other) => other.length - one.length)[0] ?? path;
}

function refuse(found) {
  const left = showAtFields(form, found, nameOf);
  showProblems(problems, left);
  for (const invalid of form.querySelectorAll("[aria-invalid=true]")) invalid.closest("details")?.setAttribute("open", "");
}

// Asks what submitting would come to; returns the text of the request if it would be taken.
async function preview() {
  clearTimeout(timer);
  asking?.abort();
  asking = new AbortController();
  try {
    const answer = await send(`${runs}/preview`, requestText(form), asking.signal);
    if (!answer.ok) return refuse(await problemOf(answer));
    const told = await answer.json();
    refuse(told.problems.map(({ field, detail }) => ({ place: field, detail })));
    showTakes(told.takes);
    showOutlook(told.outlook);
    showEquivalents(told);
    return told.equivalents?.body;
  } catch (error) {
    if (error.name !== "AbortError") refuse(unreachable(error));
  }
}

function send(url, body, signal) {
  return fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body, signal });
}

function say(element, text) {
  // What is said already is not said again to those who listen.
  if (element.textContent !== text) element.textContent = text;
}

function inWords(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function showTakes(takes) {
  if (!takes) return say(at("takes"), "");
  const why = takes.seen ? "as earlier runs took" : "worked out from the method";
  say(at("takes"), `takes about ${inWords(takes.expected_s)}, at most ${inWords(takes.longest_s)} (${why})`);
}

function showOutlook(outlook) {
  if (!outlook) {
    say(at("outlook"), "Unknown until what is said of places can be read.");
    return at("places").replaceChildren();
  }
  const { suitable, free, ahead, why_none: none } = outlook;
  const waiting = ahead ? ` ${ahead} ${ahead === 1 ? "run waits" : "runs wait"} before it.` : "";
  const found = `${free} free of ${suitable} that ${suitable === 1 ? "suits" : "suit"}.${waiting}`;
  say(at("outlook"), none ? `Nowhere: ${none}. It would wait in the queue until something suits.` : found);
  const items = outlook.places.map(itemOf);
  if (items.map((item) => item.textContent).join() === [...at("places").children].map((item) => item.textContent).join()) return;
  at("places").replaceChildren(...items);
}

function itemOf(place) {
  const item = document.createElement("li");
  const standing = Object.assign(document.createElement(place.page ? "a" : "span"), { textContent: place.free ? "free" : "busy" });
  if (place.page) standing.href = place.page;
  standing.className = place.free ? "free" : "busy";
  item.append(standing, ` ${place.profile ?? place.kind} of ${place.model} on ${place.node}${place.simulated ? ", simulated" : ""}`);
  item.title = place.uuid;
  return item;
}

function showEquivalents({ equivalents, fingerprint }) {
  at("no-equivalents").hidden = equivalents !== null;
  say(at("fingerprint"), fingerprint ?? "not known yet");
  for (const shown of form.querySelectorAll("[data-equivalent]")) {
    shown.hidden = equivalents === null;
    if (equivalents) say(shown.querySelector("code"), equivalents[shown.dataset.equivalent]);
  }
}

async function store() {
  const body = await preview();
  if (!body) return focusFirstInvalid(form);
  try {
    const answer = await send(runs, body);
    if (answer.ok) return location.assign(`${pages}/${encodeURIComponent((await answer.json()).id)}`);
    refuse(await problemOf(answer));
    focusFirstInvalid(form);
  } catch (error) {
    refuse(unreachable(error));
  }
}

// Takes over what another workload asks for; what was entered stays where that has a field of the same name.
async function changeWorkload() {
  const query = new URLSearchParams({ workload: workload.value, scenario: at("scenario").value });
  try {
    const answer = await fetch(`${form.dataset.form}?${query}`);
    if (!answer.ok) return refuse([{ place: "workload", detail: `the service answered ${answer.status}` }]);
    const news = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of form.querySelectorAll("[data-part]")) {
      const fresh = document.importNode(news.getElementById(part.id), true);
      for (const field of fresh.querySelectorAll("[data-field]")) keep(at(field.id), field);
      part.replaceWith(fresh);
    }
    history.replaceState(null, "", `${form.dataset.form}?${new URLSearchParams({ workload: workload.value })}`);
    changed();
  } catch (error) {
    refuse(unreachable(error));
  }
}

function keep(old, fresh) {
  if (!old || old.type !== fresh.type) return;
  if (fresh.type === "checkbox") fresh.checked = old.checked === (old.dataset.default === "true") ? fresh.checked : old.checked;
  else if (!fresh.options) fresh.value = old.value;
  else if (old.value !== old.dataset.default && [...fresh.options].some(({ value }) => value === old.value)) fresh.value = old.value;
}

// Leaves those workloads in the list whose name or title has what was typed, and the chosen one.
function filterWorkloads() {
  const wanted = at("workload-filter").value.trim().toLowerCase();
  const chosen = workload.value;
  for (const [group, options] of choices) {
    group.replaceChildren(...options.filter((one) => one.value === chosen || one.textContent.toLowerCase().includes(wanted)));
  }
  workload.replaceChildren(...choices.map(([group]) => group).filter((group) => group.children.length));
  workload.value = chosen;
}

function changed() {
  showWhatCounts();
  clearTimeout(timer);
  timer = setTimeout(preview, PAUSE_MS);
}

form.addEventListener("input", ({ target }) => {
  if (target.id === "workload-filter") return filterWorkloads();
  if (target === workload) return changeWorkload();
  changed();
});
form.addEventListener("keydown", (event) => {
  // Enter in the filter goes to what it has found, and submits nothing.
  if (event.target.id !== "workload-filter" || event.key !== "Enter") return;
  event.preventDefault();
  workload.focus();
});
form.addEventListener("click", ({ target }) => target.matches("[data-copy]") && copyCode(target));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!submit.disabled) once(submit, store);
});
// A browser brings the chosen one into view before the list has its last measures.
workload.selectedOptions[0]?.scrollIntoView({ block: "nearest" });
showWhatCounts();
preview();
