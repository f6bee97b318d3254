// Filters the cards of workloads: those stay that have every word that was typed.

const filter = document.getElementById("filter");
const cards = [...document.querySelectorAll("[data-card]")];
const texts = new Map(cards.map((card) => [card, card.textContent.toLowerCase()]));

function show() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const card of cards) card.hidden = !words.every((word) => texts.get(card).includes(word));
  for (const family of document.querySelectorAll("[data-family]")) family.hidden = !family.querySelector("[data-card]:not([hidden])");
  const left = cards.filter((card) => !card.hidden).length;
  document.getElementById("none").hidden = left > 0;
  document.getElementById("found").textContent = words.length ? `${left} of ${cards.length}` : "";
}

filter.addEventListener("input", show);
show();
