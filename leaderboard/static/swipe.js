// All layers in one picture, parted by dividers that can be dragged and moved by the keyboard.
const STEP = 2;
const LEAST = 0;

export class Swipe {
  constructor(layers, redraw) {
    // What is a map of its own, and no picture of the place, stays out of the swipe.
    this.layers = layers.filter((layer) => layer.recolour || layers.length <= 3);
    this.redraw = redraw;
    this.shown = false;
    const count = this.layers.length;
    this.parts = Array.from({ length: count - 1 }, (_, k) => Math.round(((k + 1) * 100) / count));
    this.element = document.createElement("figure");
    this.element.className = "swipe";
    this.element.hidden = true;
    this.stage = document.createElement("div");
    this.stage.className = "panel stage";
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", this.layers.map((layer) => layer.name).join(", from left to right: "));
    this.stage.append(this.canvas);
    this.names = this.layers.map((layer) => this.tag(layer));
    this.handles = this.parts.map((_, k) => this.handle(k));
    this.element.append(this.stage);
    this.place();
  }

  tag(layer) {
    const name = document.createElement("span");
    name.className = "tag-name";
    name.textContent = layer.name;
    this.stage.append(name);
    return name;
  }

  handle(k) {
    const handle = document.createElement("div");
    handle.className = "divider";
    handle.tabIndex = 0;
    for (const [name, value] of [["role", "slider"], ["aria-orientation", "horizontal"], ["aria-valuemin", 0], ["aria-valuemax", 100]]) handle.setAttribute(name, value);
    handle.setAttribute("aria-label", `Divider between ${this.layers[k].name} and ${this.layers[k + 1].name}`);
    handle.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener("pointermove", (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const box = this.stage.getBoundingClientRect();
      this.move(k, ((event.clientX - box.left) / box.width) * 100);
    });
    handle.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: this.parts[k] - STEP, ArrowRight: this.parts[k] + STEP, Home: 0, End: 100 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.move(k, to);
    });
    this.stage.append(handle);
    return handle;
  }

  // A divider pushes its neighbours before it.
  move(k, to) {
    this.parts[k] = Math.max(0, Math.min(100, to));
    for (let i = k + 1; i < this.parts.length; i++) this.parts[i] = Math.max(this.parts[i], this.parts[i - 1] + LEAST);
    for (let i = k - 1; i >= 0; i--) this.parts[i] = Math.min(this.parts[i], this.parts[i + 1] - LEAST);
    this.place();
    this.redraw();
  }

  place() {
    this.handles.forEach((handle, k) => {
      handle.style.left = `${this.parts[k]}%`;
      handle.setAttribute("aria-valuenow", Math.round(this.parts[k]));
    });
    const edges = [0, ...this.parts, 100];
    this.names.forEach((name, k) => {
      name.style.left = `${edges[k]}%`;
      name.style.maxWidth = `${edges[k + 1] - edges[k]}%`;
      name.hidden = edges[k + 1] - edges[k] < 8;
    });
  }

  show(shown) {
    this.shown = shown;
    this.element.hidden = !shown;
  }

  draw(one) {
    const side = Math.round(this.stage.clientWidth * devicePixelRatio);
    if (this.canvas.width !== side) this.canvas.width = this.canvas.height = side;
    const pen = this.canvas.getContext("2d");
    const edges = [0, ...this.parts, 100].map((part) => (part / 100) * side);
    this.layers.forEach((layer, k) => {
      if (edges[k + 1] <= edges[k]) return;
      pen.save();
      pen.beginPath();
      pen.rect(edges[k], 0, edges[k + 1] - edges[k], side);
      pen.clip();
      one(layer, pen, side);
      pen.restore();
    });
  }
}
