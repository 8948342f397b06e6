// Drag, pinch, wheel and double click on an element, as moves and as changes of the octave.
const WHEEL = 1 / 320;

export function follow(element, { move, scale }) {
  const held = new Map();
  const at = (event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.button || event.target.closest("[role=slider]")) return;
    element.setPointerCapture(event.pointerId);
    held.set(event.pointerId, at(event));
    element.classList.add("held");
  });
  element.addEventListener("pointermove", (event) => {
    const before = held.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    const other = [...held].find(([id]) => id !== event.pointerId)?.[1];
    held.set(event.pointerId, now);
    if (!other) return move(now[0] - before[0], now[1] - before[1]);
    const apart = ([x, y]) => Math.hypot(x - other[0], y - other[1]) || 1;
    scale(Math.log2(apart(now) / apart(before)), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  });
  for (const end of ["pointerup", "pointercancel"])
    element.addEventListener(end, (event) => {
      held.delete(event.pointerId);
      if (!held.size) element.classList.remove("held");
    });
  element.addEventListener(
    "wheel",
    (event) => {
      // A page that is scrolled past must not be caught: the wheel is ours once the reader has taken hold of the picture.
      if (!event.ctrlKey && !element.contains(document.activeElement) && document.activeElement !== element) return;
      event.preventDefault();
      scale(Math.max(-1, Math.min(1, -event.deltaY * WHEEL)), ...at(event));
    },
    { passive: false },
  );
  element.addEventListener("dblclick", (event) => scale(event.shiftKey ? -1 : 1, ...at(event)));
  element.tabIndex = 0;
  element.addEventListener("pointerdown", () => element.focus({ preventScroll: true }));
}
