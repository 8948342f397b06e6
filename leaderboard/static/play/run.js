// One model on the page: its training thread, the frames it has shown, and the panel that shows them.

import { paintCurve, paintImage, paintNeurons, paintSurface } from "./paint.js";

const MOST_FRAMES = 600;

export class Run {
  /**
   * @param panel the element that shows the model: canvases and figures with data-out.
   * @param page what all panels share: palette, range, truth, kind, turn; and `changed(run)`.
   */
  constructor(panel, page) {
    Object.assign(this, { panel, page, worker: null, frames: [], shown: -1, over: false, error: "", waiting: new Map() });
  }

  out(name) {
    return this.panel.querySelector(`[data-out="${name}"]`);
  }

  start(order) {
    this.stop();
    Object.assign(this, { frames: [], shown: -1, over: false, error: "", model: order.settings });
    this.worker = new Worker(new URL("./training_worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this.#receive(data);
    this.worker.onerror = (event) => this.#receive({ is: "failed", message: event.message || "The training thread could not be started." });
    this.tell({ do: "start", ...order });
  }

  stop() {
    this.worker?.terminate();
    this.worker = null;
  }

  tell(message) {
    this.worker?.postMessage(message);
  }

  /** The weights as they are now: {name: {shape, data}}. */
  state() {
    return new Promise((resolve) => {
      const id = this.waiting.size + Math.random();
      this.waiting.set(id, resolve);
      this.tell({ do: "state", id });
    });
  }

  get last() {
    return this.frames.at(-1);
  }

  get octaves() {
    return this.last?.skills?.reduce((sum, s) => sum + s, 0);
  }

  #receive(message) {
    if (message.is === "state") {
      this.waiting.get(message.id)?.(message.tensors);
      this.waiting.delete(message.id);
    } else if (message.is === "failed") this.error = message.message;
    else if (message.is === "over") this.over = true;
    else {
      const following = this.shown === this.frames.length - 1;
      this.frames.push(message);
      // Every other one of the earlier half goes: moments stay spread out, early ones a little more.
      if (this.frames.length > MOST_FRAMES) this.frames = this.frames.filter((_, k) => k % 2 || k > MOST_FRAMES / 2);
      if (following || this.shown >= this.frames.length) this.shown = this.frames.length - 1;
    }
    this.page.changed(this);
  }

  /** Show frame `n`, the last one by default. */
  draw(n = this.shown) {
    this.shown = Math.min(n, this.frames.length - 1);
    const frame = this.frames[this.shown], canvas = this.panel.querySelector("canvas.answer");
    this.out("error").textContent = this.error;
    if (!frame) return;
    const { kind, palette, range, truth, turn } = this.page;
    if (kind === "curve") paintCurve(canvas, frame.values, truth);
    else if (kind === "surface") paintSurface(canvas, frame.values, turn);
    else paintImage(canvas, frame.values, palette, range);
    this.#figures(frame);
    const rows = this.panel.querySelectorAll(".neurons canvas");
    rows.forEach((row, k) => {
      row.hidden = !frame.neurons[k];
      if (frame.neurons[k]) paintNeurons(row, frame.neurons[k]);
    });
  }

  #figures(frame) {
    const octaves = frame.skills?.reduce((sum, s) => sum + s, 0);
    const text = {
      octaves: octaves === undefined ? "" : octaves.toFixed(2),
      steps: frame.steps.toLocaleString("en"),
      seconds: `${frame.seconds.toFixed(frame.seconds < 10 ? 1 : 0)} s`,
      loss: Number.isFinite(frame.loss) ? frame.loss.toPrecision(3) : "–",
      speed: frame.seconds > 0 ? `${Math.round(frame.steps / frame.seconds)} steps/s` : "–",
      parameters: frame.parameters.toLocaleString("en"),
      features: frame.features.toLocaleString("en"),
    };
    for (const [name, value] of Object.entries(text)) this.out(name).textContent = value;
    const bars = this.panel.querySelector(".skills");
    bars.hidden = !frame.skills;
    frame.skills?.forEach((skill, k) => {
      bars.children[k].style.setProperty("--skill", skill.toFixed(3));
      bars.children[k].title = `Octave ${k}: skill ${skill.toFixed(2)}`;
    });
  }
}
