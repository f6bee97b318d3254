// The series of a run while they grow, as the service streams them: an outline of each is kept, and no request is made.

const POINTS = 1000, MOST_KEPT = 2 * POINTS, SOONEST_MS = 250;
const page = document.getElementById("run");
const known = new Map(), listeners = [];
let telling = 0;

// Returns what is known of a series as it would be if it were read: null while nothing has come of it.
export function grown(name) {
  const series = known.get(name);
  if (!series) return null;
  const { news, count, time, value, gaps } = series;
  return {
    ...news, time_s: time, value, gaps: [...gaps.values()].sort((a, b) => a.start_s - b.start_s), count,
    downsampled_from: count > time.length ? count : null,
  };
}

export const grownNames = () => [...known.keys()];

// Calls ``listener`` whenever something has come, at most some times a second, and not while nobody looks at the page.
export const onGrowth = (listener) => listeners.push(listener);

function take(news) {
  const series = known.get(news.name) ?? { count: 0, time: [], value: [], gaps: new Map() };
  series.news = news;
  known.set(news.name, series);
  series.count += news.downsampled_from ?? news.time_s.length;
  news.time_s.forEach((time, i) => {
    if (news.value[i] === null) return;
    series.time.push(time);
    series.value.push(news.value[i]);
  });
  for (const gap of news.gaps) series.gaps.set(gap.start_s, gap);
  if (series.time.length > MOST_KEPT) thin(series);
  tell();
}

// Keeps the lowest and the highest sample of each stretch of time, so that no peak is lost and the past is as fine as the
// present; and the last one, which says how it stands.
function thin(series) {
  const { time, value } = series, last = time.length - 1;
  const width = (2 * (time[last] - time[0])) / POINTS || 1;
  const stretch = (i) => Math.floor((time[i] - time[0]) / width);
  const kept = new Set([0]);
  for (let i = 0; i <= last; ) {
    let low = i, high = i;
    const begun = stretch(i);
    for (; i <= last && stretch(i) === begun; i++) {
      if (value[i] < value[low]) low = i;
      if (value[i] > value[high]) high = i;
    }
    kept.add(Math.min(low, high)).add(Math.max(low, high));
  }
  const order = [...kept.add(last)];
  series.time = order.map((i) => time[i]);
  series.value = order.map((i) => value[i]);
}

function tell() {
  telling ||= setTimeout(() => requestAnimationFrame(() => {
    telling = 0;
    for (const listener of listeners) listener();
  }), SOONEST_MS);
}

const source = new EventSource(`${page.dataset.series}/events?points=${POINTS}`);
source.addEventListener("samples", (event) => take(JSON.parse(event.data)));
source.addEventListener("restart", () => {
  known.clear();
  tell();
});
for (const last of ["end", "gone"]) source.addEventListener(last, () => source.close());
