// Leaves points of a history out and takes them in again, and has it watched or not.

import { change } from "./change.js";
import { localize } from "./local-times.js";

localize(document);

const page = document.getElementById("history");
const problems = document.getElementById("problems");
const dialog = document.getElementById("leaving-out");
const reason = document.getElementById("reason");
let chosen = null;

const point = (id, why) => change(problems, `${page.dataset.url}/points/${id}`, "PATCH", { left_out: why });

page.addEventListener("click", async ({ target }) => {
  const button = target.closest("button");
  if (!button) return;
  const { leaveOut, takeIn, watch, answer } = button.dataset;
  if (leaveOut) {
    chosen = leaveOut;
    reason.value = "";
    dialog.showModal();
    reason.focus();
  } else if (takeIn) {
    await point(takeIn, null);
  } else if (watch) {
    await change(problems, `${page.dataset.url}/watch`, watch === "on" ? "PUT" : "DELETE", watch === "on" ? {} : undefined);
  } else if (answer === "no") {
    dialog.close();
  } else if (answer === "yes") {
    await leaveOutChosen();
  }
});

reason.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault(); // the button that has the focus again when the dialog is closed would take it for a click
  leaveOutChosen();
});

async function leaveOutChosen() {
  if (!reason.value.trim()) return reason.focus();
  dialog.close();
  await point(chosen, reason.value.trim());
}
