// Takes over from a page that was asked for anew what has changed of it: so there is one way in which a page is made.

import { localize } from "./local-times.js";

// Replaces the elements marked data-live, or those that a selector finds. Whoever has come to a link, button or box by
// keyboard stays there, or at the one that is in its place now. Times are in the reader's zone.
export function takeOver(old, news, selector = "[data-live]") {
  localize(news);
  for (const element of old.querySelectorAll(selector)) {
    const fresh = news.getElementById(element.id);
    if (!fresh || fresh.isEqualNode(element)) continue;
    const stops = "a, button, summary, input";
    const at = [...element.querySelectorAll(stops)].indexOf(document.activeElement);
    const taken = document.importNode(fresh, true);
    element.replaceWith(taken);
    if (at >= 0) [...taken.querySelectorAll(stops)].slice(0, at + 1).at(-1)?.focus({ preventScroll: true });
  }
  document.dispatchEvent(new Event("taken-over"));
}

// Asks for the page that is shown, and takes it over.
export async function refresh() {
  const answer = await fetch(location.href);
  if (!answer.ok) throw new Error(`the service answered ${answer.status}`);
  const news = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.title = news.title;
  takeOver(document, news);
}
