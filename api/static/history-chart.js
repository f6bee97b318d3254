// Lets the charts of a history answer to pointer and keys: what a mark means, and a closer look by dragging.
// Without this script a chart is complete: its marks have titles, and the links above it zoom.

import { takeOver } from "./taking-over.js";

const LEFT = 70, RIGHT = 950, TOP = 20, HEIGHT = 202;
const NEAR = 24, LEAST_DRAG = 8;
const SVG = "http://www.w3.org/2000/svg";
const tip = Object.assign(document.createElement("div"), { className: "chart-tip", hidden: true });
tip.setAttribute("aria-hidden", "true"); // what it shows is the label of the mark
document.body.append(tip);

const svgAt = ({ target }) => target.closest?.("[data-chart] svg");
const marksOf = (svg) => [...svg.querySelectorAll("[data-mark]")];
let drag = null;

// Titles become labels, since a browser would show its own tip beside this one. One mark of a chart can be tabbed to.
function prepare() {
  for (const svg of document.querySelectorAll("[data-chart] svg:not([data-ready])")) {
    svg.dataset.ready = "";
    for (const mark of marksOf(svg)) {
      const title = mark.querySelector("title");
      mark.setAttribute("aria-label", title.textContent);
      title.remove();
    }
    const lefts = new Map(marksOf(svg).map((mark) => [mark, mark.getBBox().x + mark.getBBox().width / 2]));
    svg.marks = [...lefts.keys()].sort((a, b) => lefts.get(a) - lefts.get(b));
    svg.marks.at(-1)?.setAttribute("tabindex", "0");
    // On a narrow screen a chart is wider than its frame: what it is about comes into view, else the newest.
    const marked = svg.querySelector(".marked"), frame = svg.parentElement;
    frame.scrollLeft = marked ? (marked.cx.baseVal.value / 960) * svg.clientWidth - frame.clientWidth / 2 : frame.scrollWidth;
  }
}

function place(svg, event) {
  const box = svg.getBoundingClientRect();
  const scale = 960 / box.width;
  return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
}

function nearest(svg, { x, y }) {
  let found = null, least = NEAR;
  for (const mark of marksOf(svg)) {
    const box = mark.getBBox();
    const across = Math.max(box.x - x, 0, x - box.x - box.width);
    const up = Math.max(box.y - y, 0, y - box.y - box.height);
    // A line from top to bottom is near from everywhere, so a point is preferred to it.
    const distance = Math.hypot(across, up) + (mark.classList.contains("jump") ? 8 : 0);
    if (distance < least) [found, least] = [mark, distance];
  }
  return found;
}

function tell(mark) {
  for (const other of document.querySelectorAll("[data-mark].told")) other.classList.remove("told");
  tip.hidden = !mark;
  if (!mark) return;
  mark.classList.add("told");
  tip.textContent = mark.getAttribute("aria-label");
  const box = (mark.querySelector(".point, .hold") ?? mark).getBoundingClientRect();
  const left = Math.min(Math.max(4, box.left + box.width / 2 - tip.offsetWidth / 2), document.documentElement.clientWidth - tip.offsetWidth - 4);
  const above = box.top - tip.offsetHeight - 8;
  tip.style.left = `${left + scrollX}px`;
  tip.style.top = `${(above > 0 ? above : box.bottom + 8) + scrollY}px`;
}

document.addEventListener("pointermove", (event) => {
  const svg = svgAt(event);
  if (drag) return select(event);
  if (svg) tell(nearest(svg, place(svg, event)));
  else if (!tip.hidden && !document.activeElement?.matches("[data-mark]")) tell(null);
});

document.addEventListener("pointerdown", (event) => {
  const svg = svgAt(event);
  if (!svg || event.button !== 0 || event.pointerType === "touch") return;
  drag = { svg, from: place(svg, event).x, to: null, area: null };
});

function select(event) {
  drag.to = Math.min(RIGHT, Math.max(LEFT, place(drag.svg, event).x));
  if (Math.abs(drag.to - drag.from) < LEAST_DRAG) return;
  tell(null);
  if (!drag.area) {
    drag.area = document.createElementNS(SVG, "rect");
    drag.area.setAttribute("class", "selection");
    drag.area.setAttribute("y", TOP);
    drag.area.setAttribute("height", HEIGHT);
    drag.svg.append(drag.area);
  }
  drag.area.setAttribute("x", Math.min(drag.from, drag.to));
  drag.area.setAttribute("width", Math.abs(drag.to - drag.from));
}

document.addEventListener("pointerup", (event) => {
  if (!drag) return;
  const { svg, from, to, area } = drag;
  drag = null;
  if (!area) {
    const mark = svgAt(event) === svg && !event.target.closest("a") && nearest(svg, place(svg, event));
    return mark && mark.matches("a") ? mark.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true })) : null;
  }
  area.remove();
  // What ends a drag is no click on what happens to lie there.
  const refuse = (click) => click.preventDefault();
  addEventListener("click", refuse, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", refuse, { capture: true }), 0);
  const { first, last } = svg.closest("[data-chart]").dataset;
  const count = Number(last) - Number(first) + 1;
  const of = (x) => Number(first) + Math.min(count - 1, Math.max(0, Math.floor(((x - LEFT) / (RIGHT - LEFT)) * count)));
  const [begin, end] = [of(Math.min(from, to)), of(Math.max(from, to))];
  zoom(new URL(`${svg.closest("[data-chart]").dataset.history}?from=${begin}&to=${end}#charts`, location.href));
});

// Another stretch is drawn by the service: there is one way in which a chart is made.
async function zoom(address) {
  tell(null);
  const here = address.pathname === location.pathname;
  if (!here) return location.assign(address);
  try {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error();
    takeOver(document, new DOMParser().parseFromString(await answer.text(), "text/html"), "#charts");
    history.replaceState(null, "", address);
    prepare();
  } catch {
    location.assign(address);
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-zoom]");
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const { href } = link;
  zoom(new URL(href.baseVal ?? href, location.href));
});

document.addEventListener("focusin", ({ target }) => {
  if (target.matches("[data-mark]")) tell(target);
});
document.addEventListener("focusout", ({ target }) => {
  if (target.matches("[data-mark]")) tell(null);
});

const MOVES = {
  ArrowLeft: (at) => at - 1, ArrowRight: (at) => at + 1, Home: () => 0, End: (_, count) => count - 1,
};
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") tell(null);
  const mark = event.target.closest?.("[data-mark]");
  const move = mark && MOVES[event.key];
  if (!move) return;
  event.preventDefault();
  const { marks } = mark.closest("svg");
  const next = marks[Math.min(marks.length - 1, Math.max(0, move(marks.indexOf(mark), marks.length)))];
  mark.setAttribute("tabindex", "-1");
  next.setAttribute("tabindex", "0");
  next.focus();
});

document.addEventListener("taken-over", prepare);
prepare();
