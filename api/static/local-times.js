// Times in the reader's zone. The service writes them in UTC, as it does not know where its readers are.

// Swedish is written the way that ISO 8601 has it: year, month, day, and hours from 0 to 23.
const format = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });
export const ZONE = format.resolvedOptions().timeZone;

export const localTime = (moment) => format.format(new Date(moment));

// Returns a moment as clocks of a zone show it; null where this browser does not know the zone, or it is the reader's.
export function timeIn(zone, moment) {
  try {
    const there = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium", timeZone: zone });
    return there.resolvedOptions().timeZone === ZONE ? null : there.format(new Date(moment));
  } catch {
    return null;
  }
}

// Rewrites every time of a document or element, and what says in which zone they are.
export function localize(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const local = localTime(time.dateTime);
    if (time.textContent !== local) time.title = `${time.textContent} UTC`;
    time.textContent = local;
  }
  for (const zone of root.querySelectorAll("[data-zone]")) zone.textContent = ZONE;
  // What is told in another zone besides needs no telling where that is the reader's.
  for (const told of root.querySelectorAll("[data-in-zone]")) told.hidden = told.dataset.inZone === ZONE;
}
