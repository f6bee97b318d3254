// Keeps the page of an experiment up to date, and cancels, takes up again and deletes it.
// Without this script the page is complete, but stands still.

import { problemOf, showProblems, unreachable } from "./problems.js";

// A page that is slow to make is asked for less often, so that watching costs the service a tenth of its time at most.
const EVERY_MS = 3000, SLOWEST_MS = 60_000, PATIENCE = 10;
const page = document.getElementById("experiment");
const problems = document.getElementById("problems");
const upkeep = document.getElementById("upkeep");
const dialog = document.getElementById("deleting");
let timer = 0;
let wait = EVERY_MS;

const hasEnded = () => "ended" in document.getElementById("standing").dataset;

// Asks for this very page and takes over what has changed of it: so there is one way in which a page is made.
async function refresh() {
  clearTimeout(timer);
  const asked = performance.now();
  try {
    const answer = await fetch(location.href);
    if (answer.status === 404) {
      upkeep.textContent = "This experiment has been deleted.";
      document.getElementById("actions").replaceChildren();
      return;
    }
    if (!answer.ok) throw new Error(`the service answered ${answer.status}`);
    takeOver(new DOMParser().parseFromString(await answer.text(), "text/html"));
    upkeep.textContent = "";
    wait = Math.min(Math.max(EVERY_MS, PATIENCE * (performance.now() - asked)), SLOWEST_MS);
  } catch (error) {
    wait = Math.min(2 * wait, SLOWEST_MS);
    upkeep.textContent = `Not up to date: ${error.message}. Trying again.`;
  }
  next();
}

function next() {
  clearTimeout(timer);
  if (!hasEnded() && !document.hidden) timer = setTimeout(refresh, wait);
}

function takeOver(news) {
  document.title = news.title;
  for (const old of page.querySelectorAll("[data-live]")) {
    const fresh = news.getElementById(old.id);
    if (fresh && !fresh.isEqualNode(old)) replace(old, document.importNode(fresh, true));
  }
}

// Whoever has come to a link or button by keyboard stays there, or at the one that is in its place now.
function replace(old, fresh) {
  const stops = "a, button";
  const at = [...old.querySelectorAll(stops)].indexOf(document.activeElement);
  old.replaceWith(fresh);
  if (at >= 0) [...fresh.querySelectorAll(stops)].slice(0, at + 1).at(-1)?.focus({ preventScroll: true });
}

const ACTIONS = {
  cancel: () => ask(`${page.dataset.url}/cancel`, "POST", refresh),
  resume: () => ask(`${page.dataset.url}/resume`, "POST", refresh),
  delete: () => dialog.showModal(),
};

async function ask(url, method, then) {
  showProblems(problems, []);
  try {
    const answer = await fetch(url, { method });
    if (answer.ok) return await then();
    showProblems(problems, await problemOf(answer));
    await refresh(); // the page showed another state than the one that it was refused in
  } catch (error) {
    showProblems(problems, unreachable(error));
  }
}

page.addEventListener("click", async ({ target }) => {
  const button = target.closest("button[data-action]");
  if (!button) return;
  button.disabled = true;
  await ACTIONS[button.dataset.action]();
  button.disabled = false;
});

dialog.addEventListener("click", ({ target }) => {
  if (!target.dataset.answer) return;
  dialog.close();
  if (target.dataset.answer === "yes") ask(page.dataset.url, "DELETE", () => location.assign(page.dataset.list));
});

document.addEventListener("visibilitychange", () => (document.hidden || hasEnded() ? next() : refresh()));
next();
