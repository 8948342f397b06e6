// Keeps the board fresh while entries are judged: the server draws the part that changes, and this puts it in place.
document.documentElement.classList.add("js");
const live = document.getElementById("live");
const QUICK = 3000;
const SLOW = 20000;

async function refresh() {
  if (document.visibilityState === "visible") {
    try {
      const answer = await fetch(live.dataset.url, { headers: { Accept: "text/html" } });
      if (answer.ok) {
        const fresh = document.createElement("div");
        fresh.innerHTML = await answer.text();
        for (const section of ["fronts", "board", "pending", "unranked", "dive"]) replace(fresh, section);
      }
    } catch {
      // The server is away for a moment; the next look may find it again.
    }
  }
  setTimeout(refresh, live.querySelector(".pending") ? QUICK : SLOW);
}

// Only what differs is touched, so that a reader's focus and scrolling stay where they are.
function replace(fresh, name) {
  const now = live.querySelector(`:scope > .${name}`);
  const then = fresh.querySelector(`:scope > .${name}`);
  if (now && then) {
    if (now.innerHTML !== then.innerHTML) now.innerHTML = then.innerHTML;
  } else if (now) {
    now.remove();
  } else if (then) {
    const order = ["dive", "fronts", "board", "pending", "unranked"];
    const before = order.slice(0, order.indexOf(name)).reverse();
    const anchor = before.map((n) => live.querySelector(`:scope > .${n}`)).find(Boolean);
    if (anchor) anchor.after(then);
    else live.prepend(then);
  }
}

setTimeout(refresh, live.querySelector(".pending") ? QUICK : SLOW);
