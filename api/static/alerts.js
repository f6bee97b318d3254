// Keeps the page of alerts up to date; adds, tests and deletes channels.

import { ask, askFirst, once, onPress } from "./actions.js";
import { fieldsOf, focusFirstInvalid, showAtFields } from "./fields.js";
import { keepUp } from "./live.js";
import { localize } from "./local-times.js";
import { problemOf, showProblems, unreachable } from "./problems.js";

const UNDER_WAY_MS = 2000, IDLE_MS = 20_000;
const page = document.getElementById("alerts-page");
const form = document.getElementById("channel-form");
const problems = document.getElementById("problems");
const formProblems = document.getElementById("form-problems");
const told = document.getElementById("told");
const secret = document.getElementById("secret");

localize(document);
const refresh = keepUp(page, {
  everyMs: () => (document.querySelector("#alerts [data-pending]") ? UNDER_WAY_MS : IDLE_MS),
  gone: (upkeep) => (upkeep.textContent = "This page is not there any more."),
});

// Of the kinds, the fields of the chosen one are to be filled in; what is disabled is not sent.
function choose() {
  for (const set of form.querySelectorAll("fieldset[data-kind]")) {
    set.disabled = set.hidden = set.dataset.kind !== form.elements.kind.value;
  }
}

function valueOf(field) {
  const text = field.value.trim();
  if ("list" in field.dataset) return text.split(/[\s,;]+/);
  const number = Number(text);
  return "number" in field.dataset && Number.isFinite(number) ? number : text;
}

function channel() {
  // A password keeps its blanks.
  const filled = fieldsOf(form).filter((field) => field.value.trim() !== "");
  const values = filled.map((field) => [field.dataset.field, field.type === "password" ? field.value : valueOf(field)]);
  return { kind: form.elements.kind.value, ...Object.fromEntries(values) };
}

// A place such as "email.to.0" is told as "to.0", at the field "to".
function refuse(found) {
  const { value } = form.elements.kind;
  const within = found.map(({ place, detail }) => ({ place: place.replace(new RegExp(`^${value}\\.?`), ""), detail }));
  showProblems(formProblems, showAtFields(form, within, ({ place }) => place.split(".")[0]));
  focusFirstInvalid(form);
}

async function add() {
  secret.hidden = true;
  told.textContent = "";
  try {
    const body = JSON.stringify(channel());
    const answer = await fetch(form.dataset.channels, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (!answer.ok) return refuse(await problemOf(answer));
    refuse([]);
    show(await answer.json());
    form.reset();
    choose();
    await refresh();
  } catch (error) {
    refuse(unreachable(error));
  }
}

// The secret is in this answer and in no other, so it stays until somebody leaves the page or adds another channel.
function show(added) {
  told.textContent = `Channel ${added.name} was added. Every alert from now on goes there, too.`;
  if (added.secret === null) return;
  secret.hidden = false;
  secret.querySelector("code").textContent = added.secret;
  secret.focus();
}

const ofChannel = (button) => button.closest("[data-channel]").dataset;

async function test(button) {
  const { channel: url, name } = ofChannel(button);
  if (await ask(problems, `${url}/test`, { method: "POST" })) told.textContent = `A test is on its way to ${name}; see the latest alerts.`;
  await refresh();
}

async function remove(url, name) {
  if (await ask(problems, url, { method: "DELETE" })) told.textContent = `Channel ${name} was deleted.`;
  await refresh();
}

onPress(page, {
  test,
  delete(button) {
    const { channel: url, name } = ofChannel(button);
    const dialog = document.getElementById("deleting");
    dialog.querySelector("[data-what]").textContent = name;
    askFirst(dialog, () => once(button, () => remove(url, name)));
  },
});
form.addEventListener("change", choose);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = document.getElementById("add-channel");
  if (!button.disabled) once(button, add);
});
choose();
