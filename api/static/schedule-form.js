// The editor of a schedule: says while one types when it would fire and what is wrong, and stores it.

import { once } from "./actions.js";
import { fieldsOf, focusFirstInvalid, showAtFields } from "./fields.js";
import { localTime, timeIn, ZONE } from "./local-times.js";
import { problemOf, showProblems, unreachable } from "./problems.js";
import { LINE_ENDS, wayInto, withinPart } from "./yaml-text.js";

const PAUSE_MS = 300;
const INDENT = 2;
const form = document.getElementById("schedule-form");
const area = document.getElementById("subject");
const problems = document.getElementById("problems");
const save = document.getElementById("save");
const zone = form.elements.time_zone;
const { schedules, url, pages } = form.dataset;
// Nobody is told what is missing from a field that they have not come to.
const touched = new Set(url ? fieldsOf(form).map((field) => field.dataset.field) : []);
let timer = 0;
let asking = null;

const kind = () => form.elements.kind.value;
const nameOf = ({ place }) => (/^(benchmark|experiment)\b/.test(place) ? "subject" : place);

function valueOf(field) {
  if (field.type === "checkbox") return field.checked;
  if (!("number" in field.dataset)) return field.value.trim();
  const number = Number(field.value);
  return field.value.trim() && Number.isFinite(number) ? number : field.value;
}

// The schedule as YAML, of which JSON is a part, line by line: what is in the text area comes last, indented.
function lines() {
  const fields = fieldsOf(form).filter((field) => field !== area && field.value.trim() !== "");
  return ["migperf: 1", ...fields.map((field) => `${field.dataset.field}: ${JSON.stringify(valueOf(field))}`)];
}

function send(target, method, text, signal) {
  return fetch(target, { method, headers: { "Content-Type": "application/yaml" }, body: text, signal });
}

const subjectLines = () => [`${kind()}:`, ...area.value.split(LINE_ENDS).map((line) => " ".repeat(INDENT) + line)];

// Shows what was refused: at its field, or in the list above the buttons.
function refuse(found, isShown = () => true) {
  const before = lines().length + 1;
  const inText = found.map((problem) => withinPart(problem, before, INDENT));
  const others = found.filter((problem, number) => !inText[number] && isShown(nameOf(problem)));
  const left = showAtFields(form, others, nameOf);
  const places = inText.filter(Boolean);
  if (places.length) area.ariaInvalid = true;
  showProblems(problems, [...places, ...left], wayInto(area));
}

// Asks what storing would come to; returns whether it would be stored.
async function preview() {
  clearTimeout(timer);
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  const zoneAsked = zone.value.trim();
  try {
    let answer = await send(`${schedules}/preview`, "POST", [...lines(), ...subjectLines()].join("\n"), signal);
    let found = [];
    if (answer.status === 400) {
      // What is no YAML says nothing about times, so these are asked for without it.
      found = await problemOf(answer);
      answer = await send(`${schedules}/preview`, "POST", lines().join("\n"), signal);
    }
    if (!answer.ok) throw new Error((await problemOf(answer))[0].detail);
    const told = await answer.json();
    if (!found.length) found = told.problems.map(({ field, detail }) => ({ place: field, detail }));
    refuse(found, (name) => touched.has(name));
    showTimes(told.next_times, zoneAsked);
    return found.length === 0;
  } catch (error) {
    if (error.name !== "AbortError") refuse(unreachable(error));
    return false;
  }
}

function showTimes(times, zoneAsked) {
  const list = document.getElementById("upcoming");
  const items = times.map((moment) => itemOf(moment, zoneAsked));
  // What has been said already is not said again to those who listen.
  if (items.map((item) => item.textContent).join() === [...list.children].map((item) => item.textContent).join()) return;
  list.replaceChildren(...items);
  document.getElementById("no-times").hidden = times.length > 0;
}

function itemOf(moment, zoneAsked) {
  const item = document.createElement("li");
  const time = Object.assign(document.createElement("time"), { dateTime: moment, textContent: localTime(moment) });
  item.append(time);
  const there = timeIn(zoneAsked, moment);
  if (there) item.append(`, ${there} in ${zoneAsked}`);
  return item;
}

function previewSoon() {
  clearTimeout(timer);
  timer = setTimeout(preview, PAUSE_MS);
}

async function store() {
  for (const field of fieldsOf(form)) touched.add(field.dataset.field);
  if (!(await preview())) return focusFirstInvalid(form);
  try {
    const text = [...lines(), ...subjectLines()].join("\n");
    const answer = await send(url || schedules, url ? "PUT" : "POST", text);
    if (answer.ok) return location.assign(`${pages}/${encodeURIComponent((await answer.json()).id)}`);
    refuse(await problemOf(answer));
    focusFirstInvalid(form);
  } catch (error) {
    refuse(unreachable(error));
  }
}

// An example that nobody has changed gives way to the example of the other kind.
function exchangeExample() {
  const examples = [...form.querySelectorAll("template[data-example]")];
  const isExample = examples.some((example) => example.content.textContent.trim() === area.value.trim());
  const other = examples.find((example) => example.dataset.example === kind());
  if (other && (isExample || !area.value.trim())) area.value = `${other.content.textContent.trim()}\n`;
}

form.addEventListener("input", ({ target }) => {
  if (target.dataset.field) touched.add(target.dataset.field);
  if (target.name === "kind") exchangeExample();
  previewSoon();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!save.disabled) once(save, store);
});

if (!url && [...zone.list.options].some(({ value }) => value === ZONE)) zone.value = ZONE;
for (const element of document.querySelectorAll("[data-zone]")) element.textContent = ZONE;
preview();
