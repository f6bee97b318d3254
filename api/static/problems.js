// What the service answers when it refuses (RFC 9457), shown as text: place by place where it says so.

// Returns the problem of an answer that is none of success; an answer of a proxy may be no problem document.
export async function problemOf(answer) {
  const told = await answer.json().catch(() => null);
  const places = told?.errors?.map(({ field, detail }) => ({ place: field, detail }));
  return places?.length ? places : [{ place: "", detail: told?.detail ?? `the service answered ${answer.status} ${answer.statusText}` }];
}

export function unreachable(error) {
  return [{ place: "", detail: `the service cannot be reached: ${error.message}` }];
}

// Shows problems as a list, none as nothing. ``go`` may return what a place leads to, called when it is followed.
export function showProblems(element, problems, go = () => null) {
  element.replaceChildren();
  if (!problems.length) return;
  const list = document.createElement("ul");
  list.append(...problems.map((problem) => item(problem, go(problem))));
  element.append(list);
}

function item({ place, detail }, follow) {
  const made = document.createElement("li");
  if (place) {
    const where = document.createElement("code");
    where.textContent = place;
    made.append(where, " ");
  }
  made.append(detail);
  if (follow) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Go there" });
    button.addEventListener("click", follow);
    made.append(" ", button);
  }
  return made;
}
