// Keeps the page of a run that has not ended up to date. Without this script the page is complete, but stands still.

const page = document.getElementById("run");
const source = new EventSource(page.dataset.events);

function words(name) {
  return (name ?? "").replaceAll("_", " ");
}

source.addEventListener("progress", (event) => {
  const now = JSON.parse(event.data);
  const state = document.createElement("span");
  state.className = `state state-${now.state}`;
  state.textContent = words(now.state);
  document.getElementById("state").replaceChildren(state);
  document.getElementById("phase").textContent = words(now.phase);
  document.getElementById("progress").value = now.progress;
  if (now.state !== "queued") document.getElementById("wait")?.remove();
});

// The finished run has more to show than this script knows of; its page needs no script.
for (const last of ["end", "gone"]) {
  source.addEventListener(last, () => {
    source.close();
    location.reload();
  });
}
