// Rows of a chart above one another, over one axis of time.

import { plain } from "./chart.js";

const SPACE_PX = 30, MARGINS_PX = 76, SIDES_PX = 80, LETTER_PX = 6.2, SEPARATOR = " · ";

// Gives each row, which has its height as ``px``, its ``domain``, from the top down. Returns the height of the chart, px.
export function stacked(rows) {
  const height = rows.reduce((sum, { px }) => sum + px + SPACE_PX, 0);
  let top = 1;
  for (const row of rows) {
    row.domain = [Math.max(0, top - (row.px + SPACE_PX * 0.9) / height), top - (SPACE_PX * 0.9) / height];
    top -= (row.px + SPACE_PX) / height;
  }
  return height + MARGINS_PX;
}

// What Plotly calls the axis of the row at a place, from 1.
export const axisOf = (place) => ({ y: place === 1 ? "y" : `y${place}`, key: place === 1 ? "yaxis" : `yaxis${place}` });

// Writes above a row what it is of: of the texts, the one that matters most first, as many as there is room for beside each
// other; pointing at it shows them all.
export function heading(layout, domain, width, texts) {
  const told = texts.filter(Boolean), room = (width - SIDES_PX) / LETTER_PX, all = told.join(SEPARATOR);
  while (told.length > 1 && told.join(SEPARATOR).length > room) told.pop();
  layout.annotations.push({ text: plain(told.join(SEPARATOR)), hovertext: told.length < texts.filter(Boolean).length ? plain(all) : undefined, xref: "paper", x: 0, xanchor: "left", yref: "paper", y: domain[1], yanchor: "bottom", showarrow: false, font: { size: 11.5 } });
}

// Samples with a break in each gap, over which nothing may be drawn: times and values.
export function broken({ time_s, value, gaps }) {
  const time = [], shown = [];
  let next = 0;
  time_s.forEach((at, i) => {
    let cut = false;
    while (next < gaps.length && gaps[next].start_s < at) {
      next += 1;
      cut = true;
    }
    if (cut) {
      time.push(at);
      shown.push(null);
    }
    time.push(at);
    shown.push(value[i]);
  });
  return [time, shown];
}
