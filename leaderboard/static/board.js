// Keeps the board fresh while entries are judged: the server renders the changing part, and this puts it in place.
import { race } from "./race.js";

document.documentElement.classList.add("js");
race(document.getElementById("race"));
const live = document.getElementById("live");
// The parts of the page, from top to bottom.
const ORDER = ["dive", "pending", "board", "fronts", "unranked"];
const QUICK = 3000;
const SLOW = 20000;

async function refresh() {
  if (document.visibilityState === "visible") {
    try {
      const answer = await fetch(live.dataset.url, { headers: { Accept: "text/html" } });
      if (answer.ok) {
        const fresh = document.createElement("div");
        fresh.innerHTML = await answer.text();
        for (const section of ORDER) replace(fresh, section);
      }
    } catch {
      // The server may be back at the next try.
    }
  }
  setTimeout(refresh, live.querySelector(".pending") ? QUICK : SLOW);
}

// Replace only what changed, so that focus and scrolling stay.
function replace(fresh, name) {
  const now = live.querySelector(`:scope > .${name}`);
  const then = fresh.querySelector(`:scope > .${name}`);
  if (now && then) {
    if (now.innerHTML !== then.innerHTML) now.innerHTML = then.innerHTML;
  } else if (now) {
    now.remove();
  } else if (then) {
    const before = ORDER.slice(0, ORDER.indexOf(name)).reverse();
    const anchor = before.map((n) => live.querySelector(`:scope > .${n}`)).find(Boolean);
    if (anchor) anchor.after(then);
    else live.prepend(then);
  }
}

setTimeout(refresh, live.querySelector(".pending") ? QUICK : SLOW);
