// The page of a comparison: asks the service for it, statistic by statistic, since comparing takes time, and shows it.

import { ask } from "./actions.js";
import { localize } from "./local-times.js";

localize(document);

const page = document.getElementById("compare");
const form = page.querySelector("form");
const progress = document.getElementById("progress");
const problems = document.getElementById("problems");
const answers = document.getElementById("answers");
const chosen = form.elements.statistic.value;
const BESIDE = ["mean", "p50", "p90", "p99"];

const digits = (value) => value.toPrecision(4);
const words = (name) => name.replaceAll("_", " ");

function element(name, ...content) {
  const made = document.createElement(name);
  made.append(...content);
  return made;
}

function table(caption, heads, rows) {
  const head = (text, scope) => Object.assign(element("th", text), { scope });
  const made = element("table", element("caption", caption));
  made.append(element("thead", element("tr", ...heads.map((text) => head(text, "col")))));
  made.append(element("tbody", ...rows.map(([first, ...rest]) => element("tr", head(first, "row"), ...cells(rest, heads.length - 1)))));
  const region = Object.assign(element("div", made), { className: "wide", tabIndex: 0, role: "region", ariaLabel: caption });
  return region;
}

// A reason why there is nothing takes the place of all cells.
function cells(texts, columns) {
  const made = texts.map((text) => element("td", text));
  if (texts.length < columns) Object.assign(made.at(-1), { colSpan: columns - texts.length + 1, className: "absent" });
  return made;
}

function ratioRow(statistic, { in_time: found, in_time_absent: absent }) {
  if (!found) return [statistic, absent];
  const { low, high, level } = found.interval;
  const value = (each) => `${digits(each)} ${found.unit}`;
  return [statistic, value(found.baseline_value), value(found.candidate_value), `${digits(found.ratio)} (${digits(low)} to ${digits(high)}, ${100 * level} %)`, words(found.verdict)];
}

function show(comparisons) {
  const first = comparisons.get(chosen);
  if (!first) return;
  const sections = first.candidates.map((candidate, number) => {
    const section = element("section", element("h2", `Candidate ${number + 1}`), element("p", element("strong", candidate.headline)));
    const rows = [...comparisons].map(([statistic, { candidates }]) => ratioRow(statistic, candidates[number]));
    section.append(table(`${words(first.metric)} per ${candidate.per}; a ratio below 1 is faster than the baseline.`, ["Statistic", "Baseline", "Candidate", "Ratio", "Verdict"], rows));
    for (const [run, rules] of Object.entries(candidate.tainted)) section.append(element("p", `Run ${run} is tainted: ${rules.map(words).join(", ")}.`));
    return section;
  });
  answers.replaceChildren(...sections);
}

const comparisons = new Map();
for (const statistic of [chosen, ...BESIDE.filter((name) => name !== chosen)]) {
  progress.textContent = `Comparing the ${statistic} …`;
  const query = new URLSearchParams(new FormData(form));
  query.set("statistic", statistic);
  const answer = await ask(problems, `${page.dataset.url}?${query}`);
  if (!answer) break;
  comparisons.set(statistic, await answer.json());
  show(comparisons);
}
progress.textContent = "";
