// Draws charts with Plotly, in the colours of the page. Plotly's script comes from this service, when it is first needed.
//
// A page's policy allows neither style elements nor style attributes, nor images out of data, nor making code of text.
// So Plotly's rules go into the sheet of charts (the id of its link says so), what it writes into style attributes is set
// by the CSSOM, and charts are made of traces that draw lines and shapes: no heatmap and nothing of WebGL.

const scheme = matchMedia("(prefers-color-scheme: dark)");
const shown = new Map();
let loading = null;

// Of Okabe and Ito (Color universal design, 2008), less those that vanish on white or on black.
export const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];
// Plotly reads some HTML in whatever it shows.
export const plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
export const number = (value) => value.toLocaleString("en", { maximumSignificantDigits: 4 });
// At most so many labels stand side by side on an axis of a chart of that width, px.
export const labelsWithin = (width) => Math.max(2, Math.min(8, Math.floor((width - 88) / 70)));
export const words = (name) => name.replaceAll("_", " ");

// Draws what ``make(theme, width)`` returns ({data, layout}) into an element, whose width is in px, and again when that or
// the scheme changes. Returns an object whose ``redraw`` draws anew and whose ``on`` listens to Plotly's events. Says so
// in the element if it cannot. ``config`` is what Plotly is to do otherwise than in other charts.
export async function draw(element, make, config = {}) {
  try {
    await loaded();
    shown.set(element, { make, config: { ...CONFIG, ...config } });
    await redraw(element);
  } catch (error) {
    shown.delete(element);
    notDrawn(element)(error);
  }
  element.removeAttribute("aria-busy");
  return { redraw: () => shown.has(element) && redraw(element), on: (event, listener) => element.on?.(event, listener) };
}

// Returns what says in an element why there is no chart.
export const notDrawn = (element) => (error) => {
  element.removeAttribute("aria-busy");
  element.textContent = `The chart could not be drawn: ${error.message}. The tables have its numbers.`;
};

// Plotly forgets what is being dragged when it draws, so nothing is drawn anew while a pointer is pressed.
let released = null;
addEventListener("pointerdown", ({ button }) => {
  if (button !== 0) return;
  const over = new AbortController();
  released ??= new Promise((done) => over.signal.addEventListener("abort", () => {
    released = null;
    setTimeout(done);
  }));
  // Where the end was not told, as over another window, the next move tells that nothing is pressed.
  for (const type of ["pointerup", "pointercancel", "pointermove"]) {
    addEventListener(type, ({ buttons }) => type === "pointermove" && buttons ? null : over.abort(), { capture: true, signal: over.signal });
  }
}, { capture: true });

async function redraw(element) {
  await released;
  const theme = themeOf(element), { make, config } = shown.get(element);
  const { data, layout } = make(theme, element.clientWidth);
  await window.Plotly.react(element, data, themed(layout, theme), config);
  element.dataset.drawn = scheme.matches ? "dark" : "light";
}

const redrawAll = () => [...shown.keys()].forEach((element) => element.isConnected ? redraw(element) : shown.delete(element));
scheme.addEventListener("change", redrawAll);

// How many labels an axis has room for, and which texts fit above a row, depends on the width.
const RESIZED_MS = 200;
let resized = 0;
addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(redrawAll, RESIZED_MS);
});

function themeOf(element) {
  const style = getComputedStyle(element);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const names = ["paper", "ink", "quiet", "rule", "shade", "line", "window", "gap", "good", "bad", "busy"];
  return { ...Object.fromEntries(names.map((name) => [name, colour(name)])), font: style.fontFamily };
}

function themed(layout, theme) {
  const axis = { gridcolor: theme.rule, linecolor: theme.rule, zerolinecolor: theme.rule, tickcolor: theme.rule, automargin: true };
  const axes = Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name));
  return {
    margin: { l: 56, r: 16, t: 28, b: 40 },
    ...layout,
    ...Object.fromEntries(axes.map((name) => [name, { ...axis, ...layout[name] }])),
    colorway: COLOURS,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: theme.font, size: 12, color: theme.ink },
    hoverlabel: { bgcolor: theme.paper, bordercolor: theme.quiet, font: { family: theme.font, size: 12, color: theme.ink }, align: "left", namelength: -1 },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: theme.quiet, activecolor: theme.ink },
    // A finger that scrolls the page must not be caught by a chart.
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    separators: ".,",
  };
}

const CONFIG = {
  responsive: true,
  displaylogo: false,
  showSendToCloud: false,
  showEditInChartStudio: false,
  plotlyServerURL: "",
  topojsonURL: "",
  modeBarButtonsToRemove: ["toImage", "select2d", "lasso2d", "autoScale2d"],
  modeBarButtonsToAdd: [{ name: "save", title: "Save as SVG", get icon() { return window.Plotly.Icons.disk; }, click: save }],
};

async function save(element) {
  const { width, height } = element.getBoundingClientRect();
  const svg = await window.Plotly.toImage(element, { format: "svg", width, height, imageDataOnly: true });
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  Object.assign(document.createElement("a"), { href: url, download: `${element.id}.svg` }).click();
  URL.revokeObjectURL(url);
}

// Begins to load Plotly while a chart's numbers are on their way; what goes wrong is told when it is to be drawn.
export const prepare = () => void loaded().catch(() => {});

function loaded() {
  loading ??= load(document.querySelector("meta[name=plotly]").content);
  return loading;
}

async function load(path) {
  const set = Element.prototype.setAttribute;
  SVGElement.prototype.setAttribute = function (name, value) {
    if (name === "style") this.style.cssText = value;
    else set.call(this, name, value);
  };
  const script = Object.assign(document.createElement("script"), { src: path });
  // Its maps bring a sheet of their own, which no chart here needs, and which is refused: it is put into an inert element.
  document.createElement = (tag, ...rest) => Document.prototype.createElement.call(document, tag === "style" ? "template" : tag, ...rest);
  try {
    await new Promise((resolve, reject) => {
      script.onload = resolve;
      script.onerror = () => reject(new Error("its script was not loaded"));
      document.head.append(script);
    });
  } finally {
    delete document.createElement;
  }
}
