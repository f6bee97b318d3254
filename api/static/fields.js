// Forms whose fields have their problems beside them: an element with data-field and an id has one with "-problem" after it.

export const fieldsOf = (form) => [...form.querySelectorAll("[data-field]")].filter((field) => !field.matches(":disabled"));

// Shows problems at the fields of their names, and nothing at the others; returns those that belong to no field.
// ``nameOf`` returns the name of the field that a problem belongs to.
export function showAtFields(form, problems, nameOf = ({ place }) => place) {
  const fields = fieldsOf(form);
  const names = new Set(fields.map((field) => field.dataset.field));
  const told = Map.groupBy(problems, (problem) => (names.has(nameOf(problem)) ? nameOf(problem) : null));
  for (const field of fields) {
    const found = told.get(field.dataset.field) ?? [];
    field.ariaInvalid = found.length > 0;
    const place = document.getElementById(`${field.id}-problem`);
    const text = found.map(({ place, detail }) => (place === field.dataset.field ? detail : `${place}: ${detail}`)).join("\n");
    // What is said already is not said again to those who listen.
    if (place.textContent !== text) place.textContent = text;
  }
  return told.get(null) ?? [];
}

export function focusFirstInvalid(form) {
  form.querySelector("[data-field][aria-invalid=true]")?.focus();
}
