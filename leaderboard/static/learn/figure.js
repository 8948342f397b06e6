// What the figures of /learn share: controls whose values stand in the address, and plots with handles.

const SVG = "http://www.w3.org/2000/svg";

document.documentElement.classList.add("js");

export const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * The values of a form's named controls, kept in the page's address.
 * Calls `changed(values, name)` once now and at every input; an <output name="x-out"> shows the value of x.
 */
export function controls(form, changed) {
  const query = new URLSearchParams(location.search);
  const fields = [...form.elements].filter((e) => e.name && e.tagName !== "OUTPUT" && e.type !== "button");
  for (const field of fields) {
    if (!query.has(field.name)) continue;
    if (field.type === "checkbox") field.checked = query.get(field.name) === "1";
    else if (field.type === "radio") field.checked = field.value === query.get(field.name);
    else if (field.tagName !== "SELECT" || [...field.options].some((o) => o.value === query.get(field.name))) field.value = query.get(field.name);
  }
  const values = () => {
    const found = {};
    for (const field of fields) {
      if (field.type === "radio" && !field.checked) continue;
      found[field.name] = field.type === "checkbox" ? field.checked : field.type === "range" ? Number(field.value) : field.value;
      const shown = form.elements[`${field.name}-out`];
      if (shown) shown.value = field.type === "range" && Number(field.step) < 1 ? Number(field.value).toFixed(field.step < 0.1 ? 2 : 1) : field.value;
    }
    return found;
  };
  const keep = () => {
    const now = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(values())) now.set(name, value === true ? "1" : value === false ? "0" : value);
    history.replaceState(null, "", `?${now}${location.hash}`);
  };
  form.addEventListener("input", ({ target }) => { keep(); changed(values(), target.name); });
  form.addEventListener("submit", (event) => event.preventDefault());
  const set = (wanted) => {
    for (const field of fields) {
      if (!(field.name in wanted)) continue;
      if (field.type === "checkbox") field.checked = wanted[field.name];
      else if (field.type === "radio") field.checked = field.value === wanted[field.name];
      else field.value = wanted[field.name];
    }
    keep();
    changed(values());
  };
  changed(values());
  return { values, set };
}

export function element(name, attributes = {}, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

/** A plot in an <svg viewBox="0 0 W H">: axes, named lines and dots, and handles that can be dragged. */
export class Plot {
  constructor(svg, { x, y, margin = 26, ticks = [] }) {
    const { width, height } = svg.viewBox.baseVal;
    Object.assign(this, { svg, x, y, margin, width, height, parts: new Map() });
    svg.replaceChildren();
    svg.append(element("line", { class: "axis", x1: this.px(x[0]), x2: this.px(x[1]), y1: this.py(Math.max(y[0], Math.min(y[1], 0))), y2: this.py(Math.max(y[0], Math.min(y[1], 0))) }));
    svg.append(element("line", { class: "axis", y1: this.py(y[0]), y2: this.py(y[1]), x1: this.px(Math.max(x[0], Math.min(x[1], 0))), x2: this.px(Math.max(x[0], Math.min(x[1], 0))) }));
    for (const tick of ticks) svg.append(element("text", { class: "tick", x: this.px(tick), y: height - 6, "text-anchor": "middle" }, String(tick)));
  }

  px(x) { return this.margin + ((x - this.x[0]) / (this.x[1] - this.x[0])) * (this.width - 2 * this.margin); }
  py(y) { return this.margin + ((this.y[1] - y) / (this.y[1] - this.y[0])) * (this.height - 2 * this.margin); }

  /** The plot's coordinates of a pointer event. */
  where({ clientX, clientY }) {
    const box = this.svg.getBoundingClientRect();
    const px = ((clientX - box.left) / box.width) * this.width, py = ((clientY - box.top) / box.height) * this.height;
    return [
      this.x[0] + ((px - this.margin) / (this.width - 2 * this.margin)) * (this.x[1] - this.x[0]),
      this.y[1] - ((py - this.margin) / (this.height - 2 * this.margin)) * (this.y[1] - this.y[0]),
    ];
  }

  #part(name, tag, kind) {
    if (!this.parts.has(name)) {
      const made = element(tag, { class: kind });
      this.parts.set(name, made);
      this.svg.append(made);
    }
    return this.parts.get(name);
  }

  /** A line through points [[x, y], ...], or of a function over the whole width; what lies outside is left out. */
  line(name, points, kind = name) {
    const list = typeof points === "function"
      ? Array.from({ length: 241 }, (_, k) => this.x[0] + (k / 240) * (this.x[1] - this.x[0])).map((x) => [x, points(x)])
      : points;
    // Where the line leaves the plot it is broken off, not drawn along the edge.
    const inside = (y) => y >= this.y[0] && y <= this.y[1];
    let path = "";
    list.forEach(([x, y], k) => {
      if (!inside(y)) return;
      path += `${k && inside(list[k - 1][1]) ? "L" : "M"}${this.px(x).toFixed(1)} ${this.py(y).toFixed(1)}`;
    });
    this.#part(name, "path", kind).setAttribute("d", path || "M0 0");
  }

  dots(name, points, kind = name, radius = 3.5) {
    const group = this.#part(name, "g", kind);
    group.replaceChildren(...points.map(([x, y]) => element("circle", { cx: this.px(x).toFixed(1), cy: this.py(Math.min(this.y[1], Math.max(this.y[0], y))).toFixed(1), r: radius })));
  }

  text(name, x, y, text, kind = name) {
    const part = this.#part(name, "text", kind);
    part.setAttribute("x", this.px(x));
    part.setAttribute("y", this.py(y));
    part.textContent = text;
  }

  /** A point that can be moved by pointer and by arrow keys; `moved(x, y)` is called with where it should go. */
  handle(name, label, at, moved, step = 0.05) {
    const part = this.#part(name, "circle", "handle");
    const place = ([x, y]) => { part.setAttribute("cx", this.px(x)); part.setAttribute("cy", this.py(y)); at = [x, y]; };
    const inside = ([x, y]) => [Math.min(this.x[1], Math.max(this.x[0], x)), Math.min(this.y[1], Math.max(this.y[0], y))];
    for (const [key, value] of Object.entries({ r: 8, tabindex: 0, role: "slider", "aria-label": label, "aria-valuenow": "0" })) part.setAttribute(key, value);
    const go = (to) => { place(inside(to)); part.setAttribute("aria-valuetext", at.map((v) => v.toFixed(2)).join(", ")); moved(...at); };
    place(at);
    part.addEventListener("pointerdown", (event) => { part.setPointerCapture(event.pointerId); event.preventDefault(); });
    part.addEventListener("pointermove", (event) => { if (part.hasPointerCapture(event.pointerId)) go(this.where(event)); });
    part.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
      if (!by) return;
      event.preventDefault();
      go([at[0] + by[0], at[1] + by[1]]);
    });
    return { place };
  }
}

/** Calls `act` at most once a frame, however often it is asked for. */
export function onFrame(act) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; act(); });
  };
}

// What all figures of a page may take of a frame together; less while something is dragged, which comes first.
const BUDGET = 8, BUDGET_DRAGGED = 4;
let loops = 0, dragged = false;
addEventListener("pointerdown", () => { dragged = true; }, true);
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => { dragged = false; }, true);

/** Runs `step()` for a few milliseconds of every frame while the figure is on the screen and `step` returns true. */
export function whileVisible(figure, step) {
  let visible = false, wanted = false, scheduled = false;
  const loop = () => {
    scheduled = false;
    loops--;
    if (!visible || !wanted) return;
    const until = performance.now() + (dragged ? BUDGET_DRAGGED : BUDGET) / (loops + 1);
    do wanted = step();
    while (wanted && performance.now() < until);
    if (wanted) again();
  };
  const again = () => { if (!scheduled) { scheduled = true; loops++; requestAnimationFrame(loop); } };
  new IntersectionObserver(([entry]) => { visible = entry.isIntersecting; if (visible) again(); }).observe(figure);
  return { go() { wanted = true; again(); }, stop() { wanted = false; } };
}
