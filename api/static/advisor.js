// The page of the advisor. The service makes all of it: this script asks for it anew while one types, when a row is added
// or removed and when an answer is wanted, takes over what has changed, and keeps the demand in the address.

import { once } from "./actions.js";
import { copyCode } from "./copying.js";
import { problemOf, showProblems, unreachable } from "./problems.js";
import { takeOver } from "./taking-over.js";

const PAUSE_MS = 300;
const form = document.getElementById("advisor-form");
const advise = document.getElementById("advise");
const standing = document.getElementById("standing");
const at = (id) => document.getElementById(id);
const ANSWER = "#answer";
let timer = 0;
let asking = null;
const opened = new Set(["yaml"]);

const fields = () => new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string"));

// Asks for the page with the demand of the form; ``change`` is what a button does to that. Returns null where it is refused.
async function pageWith(change) {
  clearTimeout(timer);
  asking?.abort();
  asking = new AbortController();
  const body = fields();
  if (change) body.set("change", change);
  try {
    const answer = await fetch(form.dataset.page, { method: "POST", body, signal: asking.signal });
    if (answer.ok) return new DOMParser().parseFromString(await answer.text(), "text/html");
    showProblems(at("problems"), await problemOf(answer));
  } catch (error) {
    if (error.name !== "AbortError") showProblems(at("problems"), unreachable(error));
  }
  return null;
}

// Shows what the service says of the fields, and keeps the demand in the address, which can be passed on.
function tell(news, fragment = "") {
  for (const place of form.querySelectorAll(".field-problem")) {
    const text = news.getElementById(place.id)?.textContent ?? "";
    // What is said already is not said again to those who listen.
    if (place.textContent !== text) place.textContent = text;
  }
  for (const field of form.querySelectorAll("input[id], select[id], textarea[id]")) {
    field.ariaInvalid = news.getElementById(field.id)?.ariaInvalid ?? null;
    if (field.ariaInvalid) field.closest("details")?.setAttribute("open", "");
  }
  for (const list of form.querySelectorAll("datalist")) list.replaceWith(document.importNode(news.getElementById(list.id), true));
  takeOver(document, news, "[data-told]");
  for (const shown of form.querySelectorAll("[data-equivalent]")) shown.open = opened.has(shown.dataset.equivalent);
  const address = news.getElementById("shared")?.getAttribute("href").split("#")[0] ?? form.dataset.page;
  history.replaceState(null, "", address + fragment);
}

async function look() {
  const news = await pageWith("look");
  if (news) tell(news);
}

// A demand that was changed has no answer yet: what is shown is that of an earlier one.
function age() {
  if (at("answer-title").classList.contains("headline") && !at("answer").classList.contains("stale")) {
    at("answer").classList.add("stale");
    standing.textContent = "The answer below is that of an earlier demand.";
  }
}

function changed() {
  age();
  clearTimeout(timer);
  timer = setTimeout(look, PAUSE_MS);
}

// Adds or removes a row, and goes to where one would go on.
async function change(button) {
  const [doing, part, number] = button.value.split(" ");
  const news = await pageWith(button.value);
  if (!news) return;
  at("asked").replaceWith(document.importNode(news.getElementById("asked"), true));
  age();
  tell(news);
  const rows = form.querySelectorAll(`[id^="${part}-"].asked-row`);
  const row = doing === "add" ? [...rows].at(-1) : rows[Math.min(Number(number), rows.length - 1)];
  if (doing === "fill") return (form.querySelector("#file[aria-invalid]") ?? form.querySelector("#asked input"))?.focus();
  (row?.querySelector("input") ?? form.querySelector(`button[value="add ${part}"]`))?.focus();
}

async function answer() {
  standing.textContent = "Solving …";
  if (at("no-answer")) at("no-answer").textContent = standing.textContent;
  const news = await pageWith(null);
  standing.textContent = "";
  if (!news) return void (at("no-answer") && (at("no-answer").textContent = "Ask again."));
  tell(news, ANSWER);
  at("answer").replaceWith(document.importNode(news.getElementById("answer"), true));
  document.title = news.title;
  const invalid = form.querySelector("[aria-invalid=true]");
  if (invalid) return invalid.focus();
  at("answer").focus({ preventScroll: true });
  at("answer").scrollIntoView({ block: "start" });
}

form.addEventListener("input", ({ target }) => target.id !== "file" && changed());
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { submitter } = event;
  if (submitter?.name === "change") once(submitter, () => change(submitter));
  else if (!advise.disabled) once(advise, answer);
});
form.addEventListener("toggle", ({ target }) => {
  if (target.dataset.equivalent) opened[target.open ? "add" : "delete"](target.dataset.equivalent);
}, true);
form.addEventListener("click", ({ target }) => target.matches("[data-copy]") && copyCode(target));
addEventListener("hashchange", () => location.hash === ANSWER && once(advise, answer));
// An address that ends in the answer was passed on by somebody who saw it.
if (location.hash === ANSWER && location.search && !at("answer-title").classList.contains("headline")) once(advise, answer);
