// Keeps the page of a run that has not ended up to date. Without this script the page is complete, but stands still.
//
// State and progress come by themselves; what else has changed is taken over from the page, which is asked for anew when
// something has happened to the run, and now and then while it waits, for why it waits depends on others.

import { keepUp } from "./live.js";
import { handOver, showChosen } from "./run-view.js";
import { grown, grownNames, onGrowth } from "./series-stream.js";

const WAITING_MS = 3000, SOON_MS = 300;
const page = document.getElementById("run");
const source = new EventSource(page.dataset.events);

const refresh = keepUp(page, {
  everyMs: () => (document.querySelector("#state .state-queued") ? WAITING_MS : null),
  prepare: showChosen,
  gone: (upkeep) => (upkeep.textContent = "This run has been deleted."),
});

let due = 0;

// Phases may follow each other closely: the page is asked for once for all of them.
function refreshSoon() {
  due ||= setTimeout(() => {
    due = 0;
    refresh();
  }, SOON_MS);
}

function words(name) {
  return (name ?? "").replaceAll("_", " ");
}

source.addEventListener("progress", (event) => {
  const now = JSON.parse(event.data);
  const state = document.createElement("span");
  state.className = `state state-${now.state}`;
  state.textContent = words(now.state);
  document.getElementById("state").replaceChildren(state);
  document.getElementById("phase").textContent = words(now.phase);
  document.getElementById("progress").value = now.progress;
  if (now.state !== "queued") document.getElementById("wait")?.remove();
});

// The stream begins with all that has happened, of which the page has told already.
for (const kind of ["state", "phase"]) {
  source.addEventListener(kind, ({ lastEventId }) => {
    if (Number(lastEventId) > Number(document.getElementById("timeline").dataset.last)) refreshSoon();
  });
}

// A series that the page does not know of may be one to be drawn; each is asked after once.
const askedAfter = new Set([...document.querySelectorAll("#series-choice [value], #series-choice [data-flag]")].map((one) => one.value ?? one.dataset.flag));
onGrowth(() => {
  const fresh = grownNames().filter((name) => !askedAfter.has(name) && grown(name).time_s.length);
  for (const name of fresh) askedAfter.add(name);
  if (fresh.length) refreshSoon();
});

// The finished run has more to show than this script knows of; its page needs no script.
for (const last of ["end", "gone"]) {
  source.addEventListener(last, () => {
    source.close();
    handOver();
    location.reload();
  });
}
