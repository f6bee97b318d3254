// The explorer of layouts. What is legal the service says: each place is a link to the page with that layout, and this
// script only spares loading it anew. It applies a layout, too: the plan first, then the change, to its end.

import { ask, askFirst, onPress } from "./actions.js";

const EVERY_MS = 400;
const page = document.getElementById("explorer");
const problems = document.getElementById("problems");
const change = document.getElementById("change");
const plan = document.getElementById("plan");
const FINAL = new Set(["applied", "failed", "cancelled"]);

// Shows the page at an address without losing the place that the reader has come to.
async function show(address, remember = true) {
  const answer = await fetch(address);
  if (!answer.ok) return location.assign(address);
  const news = new DOMParser().parseFromString(await answer.text(), "text/html");
  const focused = document.activeElement?.getAttribute("aria-label")?.split(" ").at(-1);
  document.title = news.title;
  for (const old of page.querySelectorAll("[data-part]")) old.replaceWith(document.importNode(news.getElementById(old.id), true));
  document.getElementById("text").value = news.getElementById("text").getAttribute("value");
  if (focused) [...page.querySelectorAll("#places a")].find((link) => link.ariaLabel.endsWith(` ${focused}`))?.focus();
  if (plan) plan.hidden = true;
  if (remember) history.pushState(null, "", address);
}

page.addEventListener("click", (event) => {
  const link = event.target.closest("[data-part] a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(link.getAttribute("href"));
});
addEventListener("popstate", () => show(location.href, false));
document.getElementById("which").addEventListener("change", ({ target }) => location.assign(target.value));
document.getElementById("choice").addEventListener("submit", (event) => {
  event.preventDefault();
  const address = new URL(location.href);
  if (!address.searchParams.has("gpu") && !address.searchParams.has("board")) {
    address.search = new URL(document.getElementById("which").value, location.href).search;
  }
  address.searchParams.set("layout", document.getElementById("text").value);
  address.searchParams.delete("try");
  show(address.href);
});

const put = (body, query = "") => ask(problems, `${page.dataset.gpu}/layout${query}`, {
  method: "PUT",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ layout: document.getElementById("layout-text").textContent, ...body }),
});

const items = (texts) => texts.map((text) => Object.assign(document.createElement("li"), { textContent: text }));

async function planIt() {
  change.textContent = "";
  const answer = await put({}, "?dry_run=true");
  plan.hidden = !answer;
  if (!answer) return;
  const told = await answer.json();
  for (const fact of ["before", "after"]) plan.querySelector(`[data-fact=${fact}]`).textContent = told[fact];
  plan.querySelector("[data-fact=nothing]").hidden = told.steps.length > 0;
  document.getElementById("steps").replaceChildren(...items(told.steps.map(({ text }) => text)));
  const ends = told.destroys.map(({ partition, profile, run }) => `${profile ?? "the whole GPU"} ${partition}${run ? `, held by run ${run}` : ""}`);
  document.getElementById("destroys").replaceChildren(...items(ends));
  document.getElementById("destroys-title").hidden = ends.length === 0;
  const way = document.getElementById("in-the-way");
  way.hidden = told.runs.length === 0;
  way.textContent = `In the way: run ${told.runs.join(", run ")}.`;
  document.getElementById("forced").textContent = `run ${told.runs.join(", run ")}`;
  for (const [action, shown] of [["apply", !told.runs.length], ["wait", told.runs.length], ["force", told.runs.length]]) {
    plan.querySelector(`[data-action=${action}]`).hidden = !shown;
  }
  plan.focus({ preventScroll: true });
}

async function apply(how) {
  const answer = await put({ keep: document.getElementById("keep").checked, ...how });
  if (!answer) return;
  plan.hidden = true;
  if (answer.status === 200) return void (change.textContent = "It is cut so already.");
  let told = await answer.json();
  while (!FINAL.has(told.state)) {
    change.textContent = `The change is ${told.state}${told.reason ? `: ${told.reason}` : ""} …`;
    await new Promise((done) => setTimeout(done, EVERY_MS));
    const next = await ask(problems, told.url);
    if (next) told = await next.json();
  }
  change.textContent = told.state === "applied" ? `Applied: the GPU is cut into ${told.after ?? told.layout}.` : `The change ${told.state === "failed" ? "has failed" : "was cancelled"}${told.reason ? `: ${told.reason}` : ""}.`;
}

onPress(page, {
  plan: planIt,
  apply: () => apply({}),
  wait: () => apply({ wait: true }),
  force: () => askFirst(document.getElementById("forcing"), () => apply({ force: true })),
});
