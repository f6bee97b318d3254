// A form's fields as the text of a request in JSON: what is at its default is left out, and numbers keep all their digits.

import { fieldsOf } from "./fields.js";

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

// Returns the request that is in a form. A field with data-field "part.name" is the member ``name`` of the object ``part``.
export function requestText(form) {
  const parts = new Map();
  const put = (path, text) => {
    const [name, inner] = path.split(".");
    if (inner === undefined) return parts.set(name, text);
    if (!parts.has(name)) parts.set(name, new Map());
    parts.get(name).set(inner, text);
  };
  for (const field of fieldsOf(form)) {
    const text = jsonOf(field);
    if (text !== null) put(field.dataset.field, text);
  }
  for (const none of form.querySelectorAll("[data-none]:checked:enabled")) put(none.dataset.none, "null");
  return objectOf([...parts].map(([name, part]) => [name, part instanceof Map ? objectOf([...part]) : part]));
}

const objectOf = (members) => `{${members.map(([name, text]) => `${JSON.stringify(name)}: ${text}`).join(", ")}}`;

const scalar = (text) => (NUMBER.test(text) ? text : JSON.stringify(text));

// Returns the value of a field as JSON, null where it is left at its default.
function jsonOf(field) {
  const value = field.value.trim();
  switch (field.dataset.control) {
    case "said":
      return JSON.stringify(field.value);
    case "switch":
      return String(field.checked) === field.dataset.default ? null : String(field.checked);
    case "choice":
      return field.value === field.dataset.default ? null : JSON.stringify(field.value);
    case "number":
      // What is no number is sent as text, so that the service says what would be right.
      if (field.validity.badInput) return JSON.stringify("not a number");
      if (!value) return null;
      return NUMBER.test(value) ? value : JSON.stringify(Number(value));
    case "list":
      return value ? `[${value.split(",").map((each) => scalar(each.trim())).join(", ")}]` : null;
    case "labels":
      return value ? labels(value) : null;
  }
  return value ? textOf(value) : null;
}

// A text in quotes may be one that could not be entered otherwise, such as an empty one.
function textOf(value) {
  try {
    if (value.startsWith('"') && typeof JSON.parse(value) === "string") return value;
  } catch {}
  return JSON.stringify(value);
}

function labels(value) {
  const lines = value.split("\n").map((line) => line.trim()).filter(Boolean);
  return objectOf(lines.map((line) => {
    const [name] = line.split("=", 1);
    return [name.trim(), JSON.stringify(line.slice(name.length + 1))];
  }));
}
