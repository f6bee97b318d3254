// Copying what stands in a page, by buttons with data-copy.

// Copies the code beside a button: that of the element with ``data-equivalent`` in which both are.
export async function copyCode(button) {
  const shown = button.closest("[data-equivalent]");
  const code = shown.querySelector("code");
  let said = "copied";
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    // Without HTTPS there is no clipboard for scripts: the text is selected, for the keys that copy.
    getSelection().selectAllChildren(code);
    said = "selected; press Ctrl-C";
  }
  shown.querySelector("[data-copied]").textContent = said;
}
