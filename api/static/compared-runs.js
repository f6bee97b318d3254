// The runs that charts of a comparison lay over each other: a colour for each side, the lines of its runs alike.

import { COLOURS } from "./chart.js";

const DASHES = ["solid", "dash"], BORDERS = ["solid", "dashed"];

// Reads the list of runs, and gives their swatches what their lines look like.
export function comparedRuns(list) {
  return [...list.children].map((item) => {
    const { side, name, url, began, size } = item.dataset;
    const color = COLOURS[side % COLOURS.length], turn = Math.floor(side / COLOURS.length) % DASHES.length;
    Object.assign(item.querySelector(".swatch").style, { borderTopColor: color, borderTopStyle: BORDERS[turn] });
    return { name, url, began: Number(began), size: Number(size ?? 1), line: { color, dash: DASHES[turn], width: 1.6 } };
  });
}

// Reads something of each run. Returns what there is, each with its run, and tells what is missing, and why.
export async function readEach(runs, path, missing) {
  const found = await Promise.all(runs.map(async (run) => {
    const answer = await fetch(`${run.url}/${path}`);
    if (answer.ok) return { ...(await answer.json()), run };
    missing(run, (await answer.json().catch(() => null))?.detail ?? `the service answered ${answer.status}`);
    return null;
  }));
  return found.filter(Boolean);
}
