// The table of runs: its columns and what is picked are kept in the address, runs that go on are kept up to date, picked
// ones are deleted.

import { askFirst, once, onPress } from "./actions.js";
import { keepUp } from "./live.js";
import { localize } from "./local-times.js";
import { problemOf, showProblems, unreachable } from "./problems.js";

const EVERY_MS = 3000, MOST_COMPARED = 8;
const form = document.getElementById("runs");
const problems = document.getElementById("problems");

localize(document);

// Fields that are empty would only make the address long.
form.addEventListener("formdata", ({ formData }) => {
  for (const name of new Set(formData.keys())) {
    const given = formData.getAll(name).filter((value) => value !== "");
    formData.delete(name);
    for (const value of given) formData.append(name, value);
  }
});

const columns = () => [...form.querySelectorAll("input[name=column]")];
const picks = () => [...form.querySelectorAll("input[name=pick]")].filter((box) => box.type === "hidden" || box.checked);

function withPicks(address) {
  const url = new URL(address, location.href);
  url.searchParams.delete("pick");
  for (const { value } of picks()) url.searchParams.append("pick", value);
  return url;
}

function onlyPicked(address) {
  const url = new URL(address);
  url.searchParams.delete("id");
  for (const { value } of picks()) url.searchParams.append("id", value);
  return url;
}

function showPicked() {
  const count = picks().length;
  document.getElementById("picked").textContent = count ? `${count} picked` : "Pick two to eight runs to compare them.";
  form.querySelector("[data-compare]").disabled = count < 2 || count > MOST_COMPARED;
  for (const button of form.querySelectorAll("[data-action=delete], [data-action=clear]")) button.disabled = !count;
  history.replaceState(null, "", withPicks(location.href));
  for (const link of form.querySelectorAll(".pager a, thead a")) link.href = withPicks(link.href);
  document.getElementById("export-picked").hidden = !count;
  for (const link of form.querySelectorAll("#export-picked a")) link.href = onlyPicked(link.href);
}

// A choice of columns is another address of this page. Of its answer the table is taken over, and nothing else moves.
let asked = new AbortController();

async function showColumns() {
  asked.abort();
  asked = new AbortController();
  const url = new URL(location.href);
  url.searchParams.delete("column");
  for (const { value } of columns().filter((box) => box.checked)) url.searchParams.append("column", value);
  history.replaceState(null, "", url);
  const listed = document.getElementById("listed");
  listed.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(url, { signal: asked.signal });
    const news = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!answer.ok || !news.getElementById("listed")) return location.reload();
    localize(news);
    takeOver(news);
    showProblems(problems, []);
  } catch (error) {
    if (error.name === "AbortError") return;
    listed.removeAttribute("aria-busy");
    showProblems(problems, unreachable(error));
  }
}

function takeOver(news) {
  const picked = picks().map(({ value }) => value);
  for (const id of ["picked-elsewhere", "listed", "pager"]) {
    document.getElementById(id).replaceWith(document.importNode(news.getElementById(id), true));
  }
  // Without any column the service shows the usual ones.
  for (const box of columns()) box.checked = news.querySelector(`input[name=column][value="${box.value}"]`).checked;
  pickAgain(picked);
  showPicked();
}

// What was picked stays so, also what was picked meanwhile, or is not on this page any more.
function pickAgain(picked) {
  for (const input of form.querySelectorAll("input[name=pick]")) {
    if (input.type === "checkbox") input.checked = picked.includes(input.value);
    else if (!picked.includes(input.value)) input.remove();
  }
  const there = picks().map(({ value }) => value);
  for (const value of picked.filter((one) => !there.includes(one))) {
    const input = Object.assign(document.createElement("input"), { type: "hidden", name: "pick", value });
    document.getElementById("picked-elsewhere").append(input);
  }
}

async function remove() {
  const refused = [];
  for (const box of picks()) {
    try {
      const answer = await fetch(`${form.dataset.api}/${encodeURIComponent(box.value)}`, { method: "DELETE" });
      if (answer.ok || answer.status === 404) {
        (box.closest("tr") ?? box).remove();
        continue;
      }
      refused.push(...(await problemOf(answer)).map(({ detail }) => ({ place: box.value, detail })));
    } catch (error) {
      refused.push(...unreachable(error).map(({ detail }) => ({ place: box.value, detail })));
    }
  }
  showPicked();
  showProblems(problems, refused);
  if (!refused.length) location.reload();
}

if (problems) {
  form.addEventListener("change", ({ target }) => {
    if (target.name === "pick") showPicked();
    if (target.name === "column") showColumns();
  });
  onPress(form, {
    delete: (button) => askFirst(document.getElementById("deleting"), () => once(button, remove)),
    clear: () => {
      for (const box of picks()) box.type === "hidden" ? box.remove() : (box.checked = false);
      showPicked();
    },
  });
  // What is compared is an address of its own, without the filters that led to it.
  form.addEventListener("submit", (event) => {
    if (!event.submitter?.matches("[data-compare]")) return;
    event.preventDefault();
    const [baseline, ...candidates] = picks().map(({ value }) => value);
    const sides = [["baseline", baseline], ...candidates.map((candidate) => ["candidate", candidate])];
    location.assign(`${event.submitter.formAction}?${new URLSearchParams(sides)}`);
  });
  showPicked();
  keepUp(form, {
    everyMs: () => (form.querySelector("tr[data-live]") ? EVERY_MS : null),
    gone: () => {},
    prepare(news) {
      localize(news);
      // What the filters no longer leave stands as it was last seen, and is not asked for any more.
      for (const row of form.querySelectorAll("tr[data-live]")) if (!news.getElementById(row.id)) delete row.dataset.live;
    },
  });
}
