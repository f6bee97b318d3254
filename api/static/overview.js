// Keeps the overview up to date: often while something runs or waits, else now and then.

import { keepUp } from "./live.js";
import { localize } from "./local-times.js";

const UNDER_WAY_MS = 2000, IDLE_MS = 10_000;
const page = document.getElementById("overview");

localize(document);
keepUp(page, {
  everyMs: () => (document.querySelector("[data-under-way]") ? UNDER_WAY_MS : IDLE_MS),
  gone: (upkeep) => (upkeep.textContent = "This page is not there any more."),
});
