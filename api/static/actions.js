// What the buttons of a page ask of the service: each once at a time, and what it refuses is shown as text.

import { problemOf, showProblems, unreachable } from "./problems.js";

// Sends a request. Returns the answer to one that was done, else null, with the reasons in ``problems``.
export async function ask(problems, url, request) {
  showProblems(problems, []);
  try {
    const answer = await fetch(url, request);
    if (answer.ok) return answer;
    showProblems(problems, await problemOf(answer));
  } catch (error) {
    showProblems(problems, unreachable(error));
  }
  return null;
}

// Has buttons with data-action do what ``actions`` has under that name.
export function onPress(page, actions) {
  page.addEventListener("click", ({ target }) => {
    const button = target.closest("button[data-action]");
    if (button) once(button, () => actions[button.dataset.action](button));
  });
}

const buttons = () => [...document.querySelectorAll("button[data-action]")];

// Keeps a button from being pressed again until what it does is done. Whoever came to it by keyboard is then at it again,
// or at the one that has taken its place: a disabled button loses the focus.
export async function once(button, doing) {
  const wasFocused = document.activeElement === button;
  const at = buttons().indexOf(button);
  button.disabled = true;
  await doing();
  button.disabled = false;
  if (!wasFocused || document.activeElement !== document.body) return;
  (button.isConnected ? button : buttons().slice(0, at + 1).at(-1))?.focus({ preventScroll: true });
}

// Opens a dialog whose buttons have data-answer; does what is asked about if the answer is yes.
export function askFirst(dialog, doing) {
  dialog.returnValue = "no";
  dialog.onclick = ({ target }) => target.dataset.answer && dialog.close(target.dataset.answer);
  dialog.onclose = () => dialog.returnValue === "yes" && doing();
  dialog.showModal();
}
