// Asks the service to change something that a page shows, and shows what became of it.

import { problemOf, showProblems, unreachable } from "./problems.js";
import { refresh } from "./taking-over.js";

// Returns whether it was done. What was refused is said in the element, and the page brought up to date anyway.
export async function change(problems, url, method, body) {
  showProblems(problems, []);
  try {
    const asked = { method };
    if (body !== undefined) Object.assign(asked, { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const answer = await fetch(url, asked);
    if (!answer.ok) showProblems(problems, await problemOf(answer));
    await refresh();
    return answer.ok;
  } catch (error) {
    showProblems(problems, unreachable(error));
    return false;
  }
}
