// Follows an evaluation by server-sent events, and asks from time to time where those are not to be had.
const ASK = 2000;

export function follow(section) {
  const stages = [...section.querySelectorAll(".stages li")];
  const bar = section.querySelector("progress");
  const message = section.querySelector(".message");
  let ended = false;
  let asking = false;

  function show(status) {
    const now = stages.findIndex((item) => item.dataset.stage === status.status);
    stages.forEach((item, index) => {
      item.classList.toggle("now", index === now);
      item.classList.toggle("done", index < now || status.final);
      if (index === now) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    });
    bar.value = status.progress;
    const place = status.queue_position;
    const minutes = status.queue_seconds >= 30 ? `, about ${Math.max(1, Math.round(status.queue_seconds / 60))} min` : "";
    const queue = place ? `${place === 1 ? "Next" : `Number ${place}`} in the queue${minutes}. ` : "";
    const text = queue + (status.message || "");
    if (message.textContent !== text) message.textContent = text;
    const measured = status.provisional && !("measured" in section.dataset);
    if ((status.final || measured) && !ended) {
      ended = true;
      // The figures and pictures are the server's to draw.
      location.reload();
    }
  }

  async function ask() {
    if (ended) return;
    try {
      const answer = await fetch(section.dataset.status);
      if (answer.ok) show(await answer.json());
    } catch {
      // The server is away for a moment.
    }
    if (!ended) setTimeout(ask, ASK);
  }

  function poll() {
    if (!asking) {
      asking = true;
      ask();
    }
  }

  if (!window.EventSource) return poll();
  const events = new EventSource(section.dataset.events);
  events.addEventListener("status", (event) => show(JSON.parse(event.data)));
  events.addEventListener("end", () => events.close());
  events.addEventListener("error", () => {
    // A browser comes back by itself, except after a refusal: too many are watching.
    if (events.readyState === EventSource.CLOSED) poll();
  });
}
