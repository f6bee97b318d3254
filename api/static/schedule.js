// Keeps the page of a schedule up to date; fires, pauses and deletes it, and has it go on.

import { ask, askFirst, once, onPress } from "./actions.js";
import { keepUp } from "./live.js";
import { localize } from "./local-times.js";

const EVERY_MS = 5000;
const page = document.getElementById("schedule");
const problems = document.getElementById("problems");
const { url, list } = page.dataset;
const JSON_BODY = { "Content-Type": "application/json" };

localize(document);
const refresh = keepUp(page, {
  everyMs: () => EVERY_MS,
  gone(upkeep) {
    upkeep.textContent = "This schedule has been deleted.";
    document.getElementById("actions").replaceChildren();
  },
});

async function change(to, request) {
  await ask(problems, to, request);
  await refresh(); // also where it was refused: the page showed a state that is over
}

const pause = (paused) => change(url, { method: "PATCH", headers: JSON_BODY, body: JSON.stringify({ paused }) });

async function remove() {
  if (await ask(problems, url, { method: "DELETE" })) location.assign(list);
  else await refresh();
}

onPress(page, {
  fire: () => change(`${url}/fire`, { method: "POST" }),
  pause: () => pause(true),
  resume: () => pause(false),
  delete: (button) => askFirst(document.getElementById("deleting"), () => once(button, remove)),
});
