// YAML in a text area, and what the service says about it.

// What YAML takes for the end of a line.
export const LINE_ENDS = /\r\n|[\n\r\u0085\u2028\u2029]/;

const PLACE = /^line (\d+), column (\d+)/;

// Returns, for ``showProblems``, what leads to a place such as "line 3, column 7" of the text; null for other places.
export function wayInto(area) {
  return ({ detail }) => {
    const [, line, column] = PLACE.exec(detail) ?? [];
    if (!line) return null;
    return () => {
      const before = area.value.split("\n").slice(0, line - 1);
      const at = before.reduce((sum, text) => sum + text.length + 1, 0) + Number(column) - 1;
      area.focus();
      area.setSelectionRange(at, at);
    };
  };
}

// Returns a problem of a larger text as one of a part of it, which begins after so many lines and is indented by so many
// columns; null where the place lies before that part.
export function withinPart({ place, detail }, linesBefore, indent) {
  const [told, line, column] = PLACE.exec(detail) ?? [];
  if (!told || line <= linesBefore) return null;
  const where = `line ${line - linesBefore}, column ${Math.max(column - indent, 1)}`;
  return { place, detail: where + detail.slice(told.length) };
}
