// What a reader has made of the chart of a run: handed over to the page that is loaded when the run has ended.

const { view: handed } = history.state ?? {};
if (handed) history.replaceState(null, "");

// ``stretch`` is the time that is looked at, [from, until] in s, null for all; ``chosen`` the names of the series that
// the reader has chosen, null while nobody has.
export const view = handed ?? { stretch: null, chosen: null };

export const handOver = () => history.replaceState({ view }, "");

// Has the boxes of a form, which may be that of a page that is to be taken over, say what the reader has chosen.
export function showChosen(root) {
  if (view.chosen === null) return;
  for (const box of root.querySelectorAll("#series-choice input")) box.toggleAttribute("checked", view.chosen.includes(box.value));
}
