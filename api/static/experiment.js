// Keeps the page of an experiment up to date, and cancels, takes up again and deletes it.

import { ask, askFirst, once, onPress } from "./actions.js";
import { readAgain } from "./experiment-chart.js";
import { keepUp } from "./live.js";
import { localize } from "./local-times.js";

const EVERY_MS = 3000;
const page = document.getElementById("experiment");
const problems = document.getElementById("problems");

localize(document);

const hasEnded = () => "ended" in document.getElementById("standing").dataset;
const refresh = keepUp(page, {
  everyMs: () => (hasEnded() ? null : EVERY_MS),
  prepare(news) {
    localize(news);
    if (!document.getElementById("standing").isEqualNode(news.getElementById("standing"))) readAgain();
  },
  gone(upkeep) {
    upkeep.textContent = "This experiment has been deleted.";
    document.getElementById("actions").replaceChildren();
  },
});

async function change(what) {
  await ask(problems, `${page.dataset.url}/${what}`, { method: "POST" });
  await refresh(); // also where it was refused: the page showed a state that is over
}

async function remove() {
  if (await ask(problems, page.dataset.url, { method: "DELETE" })) location.assign(page.dataset.list);
  else await refresh();
}

onPress(page, {
  cancel: () => change("cancel"),
  resume: () => change("resume"),
  delete: (button) => askFirst(document.getElementById("deleting"), () => once(button, remove)),
});
