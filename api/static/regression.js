// Triage of a regression: its state and comments. The name of who writes is kept in this browser.

import { change } from "./change.js";
import { localize } from "./local-times.js";
import { showProblems } from "./problems.js";

localize(document);

const AUTHOR = "migperf.author";
const page = document.getElementById("regression");
const problems = document.getElementById("problems");
const { comment, author } = document.getElementById("triage").elements;

// A browser may forbid keeping anything, and triage works all the same.
function kept(write) {
  try {
    if (write === undefined) return localStorage.getItem(AUTHOR) ?? "";
    localStorage.setItem(AUTHOR, write);
  } catch {
    return "";
  }
}

author.value = kept();
author.addEventListener("change", () => kept(author.value.trim()));
document.getElementById("triage").addEventListener("submit", (event) => event.preventDefault());

page.addEventListener("click", async ({ target }) => {
  const button = target.closest("button[data-state]");
  if (!button) return;
  const body = {};
  if (button.dataset.state) body.state = button.dataset.state;
  if (comment.value.trim()) body.comment = comment.value.trim();
  if (author.value.trim()) body.author = author.value.trim();
  if (!body.state && !body.comment) {
    comment.focus();
    return showProblems(problems, [{ place: "comment", detail: "there is nothing to add: write a comment first" }]);
  }
  kept(author.value.trim());
  const { buttons } = setDisabled(true);
  if (await change(problems, page.dataset.url, "PATCH", body)) comment.value = "";
  setDisabled(false, buttons);
});

function setDisabled(disabled, buttons = document.querySelectorAll("#actions button")) {
  for (const each of buttons) each.disabled = disabled;
  return { buttons };
}
