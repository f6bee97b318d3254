// Makes and revokes API keys. A new key is in one answer of the service and in no other, so it stays until the page is left.

import { ask, askFirst, once, onPress } from "./actions.js";
import { focusFirstInvalid, showAtFields } from "./fields.js";
import { keepUp } from "./live.js";
import { localize } from "./local-times.js";
import { problemOf, showProblems, unreachable } from "./problems.js";

const EVERY_MS = 20_000, DAY_MS = 86_400_000;
const page = document.getElementById("keys-page");
const form = document.getElementById("key-form");
const problems = document.getElementById("problems");
const told = document.getElementById("told");
const made = document.getElementById("made");
const fact = (within, name) => within.querySelector(`[data-fact=${name}]`);

localize(document);
const refresh = keepUp(page, {
  everyMs: () => EVERY_MS,
  gone: (upkeep) => (upkeep.textContent = "This page is not there any more."),
});

function wanted() {
  const days = Number(form.elements.expires_at.value);
  return {
    name: form.elements.name.value,
    scopes: [...form.querySelectorAll("[name=scope]:checked")].map(({ value }) => value),
    expires_at: days ? new Date(Date.now() + days * DAY_MS).toISOString() : null,
  };
}

// A place such as "scopes.0" is told at the field "scopes".
function refuse(found) {
  showProblems(document.getElementById("form-problems"), showAtFields(form, found, ({ place }) => place.split(".")[0]));
  focusFirstInvalid(form);
}

async function make() {
  made.hidden = true;
  told.textContent = fact(made, "key").textContent = fact(made, "copied").textContent = "";
  try {
    const request = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wanted()) };
    const answer = await fetch(page.dataset.keys, request);
    if (!answer.ok) return refuse(await problemOf(answer));
    refuse([]);
    const { name, key } = await answer.json();
    fact(made, "name").textContent = name;
    fact(made, "key").textContent = key;
    made.hidden = false;
    form.reset();
    await refresh();
    made.focus();
  } catch (error) {
    refuse(unreachable(error));
  }
}

// Without https browsers give pages no clipboard; then the key is selected, to be copied by hand.
async function copy() {
  const key = fact(made, "key");
  try {
    await navigator.clipboard.writeText(key.textContent);
    fact(made, "copied").textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(key);
    fact(made, "copied").textContent = "Selected: press Ctrl+C, or ⌘C";
  }
}

async function revoke(url, name) {
  if (await ask(problems, `${url}/revoke`, { method: "POST" })) told.textContent = `The key ${name} was revoked.`;
  await refresh();
}

onPress(page, {
  copy,
  revoke(button) {
    const { key: url, name } = button.closest("[data-key]").dataset;
    const dialog = document.getElementById("revoking");
    fact(dialog, "what").textContent = `The key ${name} (${url.split("/").at(-1)})`;
    askFirst(dialog, () => once(button, () => revoke(url, name)));
  },
});
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = document.getElementById("make-key");
  if (!button.disabled) once(button, make);
});
