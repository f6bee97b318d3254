// Keeps a page up to date: asks for that very page again, and takes over what has changed of it. So there is one way in
// which a page is made, and without this script it is complete, but stands still.

import { takeOver } from "./taking-over.js";

// A page that is slow to make is asked for less often, so that watching costs the service a tenth of its time at most.
const SLOWEST_MS = 60_000, PATIENCE = 10;

// Watches the elements of ``page`` that have data-live and an id. ``everyMs`` returns how long to wait at least, null for
// "no more"; ``gone`` is called when the page is there no more; ``prepare`` is given the news before they are taken over.
// Returns a function that asks at once.
export function keepUp(page, { everyMs, gone, prepare = () => {} }) {
  const upkeep = document.getElementById("upkeep");
  let timer = 0;
  let wait = 0;

  async function refresh() {
    clearTimeout(timer);
    const asked = performance.now();
    try {
      const answer = await fetch(location.href);
      if (answer.status === 404) return gone(upkeep);
      if (!answer.ok) throw new Error(`the service answered ${answer.status}`);
      const news = new DOMParser().parseFromString(await answer.text(), "text/html");
      prepare(news);
      document.title = news.title;
      takeOver(page, news);
      upkeep.textContent = "";
      wait = Math.min(PATIENCE * (performance.now() - asked), SLOWEST_MS);
    } catch (error) {
      wait = Math.min(2 * Math.max(wait, everyMs() ?? 0), SLOWEST_MS);
      upkeep.textContent = `Not up to date: ${error.message}. Trying again.`;
    }
    next();
  }

  function next() {
    clearTimeout(timer);
    const least = everyMs();
    if (least !== null && !document.hidden) timer = setTimeout(refresh, Math.max(least, wait));
  }

  document.addEventListener("visibilitychange", () => (document.hidden || everyMs() === null ? next() : refresh()));
  next();
  return refresh;
}
