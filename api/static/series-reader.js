// Reads series in as many points as a chart can show: of the whole run at first, and of the stretch of time that a reader
// looks at when a chart is zoomed into, so that what is looked at is shown as close as it is known.

// What is wanted says its ``url``, and by how much the chart's times are behind the run's, ``shift_s``. ``failed(wanted,
// reason)`` is called for what cannot be read.
export function seriesReader(points, failed) {
  const read = new Map();
  let stretch = null, turn = 0;

  async function get(wanted) {
    const range = stretch?.map((time, i) => `&${["start_s", "end_s"][i]}=${time + (wanted.shift_s ?? 0)}`).join("") ?? "";
    const isPart = stretch !== null;
    const answer = await fetch(`${wanted.url}?points=${points}${range}`);
    if (answer.ok) return { ...(await answer.json()), isPart };
    failed(wanted, (await answer.json().catch(() => null))?.detail ?? `the service answered ${answer.status}`);
    return null;
  }

  // What was read: null where it could not be, undefined where it was not asked for yet.
  const of = ({ url }) => read.get(url);

  // Reads what is wanted and was not read yet.
  async function fill(wanted) {
    const asked = turn, missing = wanted.filter((each) => !read.has(each.url));
    if (!missing.length) return;
    const found = await Promise.all(missing.map(get));
    if (asked !== turn) return fill(wanted);
    missing.forEach(({ url }, i) => read.set(url, found[i]));
  }

  // Looks at a stretch, null for all of the run. Returns whether that is what is still looked at when it has been read.
  async function look(at, wanted) {
    const asked = (turn += 1);
    stretch = at;
    // What could not be read is not there, and of what is known whole there is no more.
    const isSettled = (one) => one === null || (one !== undefined && !one.isPart && one.downsampled_from === null);
    const coarse = wanted.filter((each) => !isSettled(of(each)));
    const found = await Promise.all(coarse.map(get));
    if (asked !== turn) return false;
    // What is not drawn now is of another stretch: it is read again when it is drawn.
    for (const [url, one] of read) if (!isSettled(one)) read.delete(url);
    coarse.forEach(({ url }, i) => read.set(url, found[i]));
    return true;
  }

  return { of, fill, look };
}

// Has a chart shown by ``draw`` tell of the stretch of its axis of time that is looked at, null for all of it.
export function onStretch(chart, look) {
  chart.on("plotly_relayout", (change) => {
    const from = change["xaxis.range[0]"] ?? change["xaxis.range"]?.[0], until = change["xaxis.range[1]"] ?? change["xaxis.range"]?.[1];
    if (change["xaxis.autorange"]) look(null);
    else if (from !== undefined && until !== undefined) look([Number(from), Number(until)]);
  });
}

// The axis of time of such a chart: all that is drawn, unless a reader looks at a stretch of it.
export const timeAxis = (title, stretch) => ({
  title: { text: title, standoff: 6 }, anchor: "free", position: 0, rangemode: "tozero", ...(stretch ? { range: stretch } : { autorange: true }),
});

// Pressing twice shows all there is by now, not what there was when the chart was drawn first.
export const STRETCHING = { doubleClick: "autosize", modeBarButtonsToRemove: ["toImage", "select2d", "lasso2d", "resetScale2d"] };
