// Trains one network in a thread of its own, and posts what the page shows.
//
// Messages in:  {do: "start", data, settings, rate, seconds, deepest, seed, picture, view}, {do: "pause"},
//               {do: "resume"}, {do: "step"}, {do: "view", view}, {do: "state", id}
// Messages out: {is: "frame", ...}, {is: "state", id, tensors}, {is: "failed", message}

import { makeDataSet } from "../nn/data_sets.js";
import { OctaveMeter } from "../nn/mandelbrot.js";
import { Network, seeded } from "../nn/network.js";

const BATCH = 1024;
const SIDE = 96;
const NEURON_SIDE = 32;
// Training runs for so many milliseconds before messages are read.
const SLICE = 40;
// Looking takes up to this share of the time.
const LOOKING = 0.2;
const LAST_RATE = 0.01;

let run = null;

class Run {
  constructor(order) {
    const random = seeded(order.seed);
    this.order = order;
    this.data = makeDataSet(order.data, { random, deepest: order.deepest, picture: order.picture });
    this.network = new Network({ ...order.settings, inputs: this.data.inputs, outputs: this.data.outputs, seed: order.seed + 1 });
    // Its own seed: no view that is measured is trained on.
    this.meter = order.data === "set" ? new OctaveMeter(seeded(0x5eed)) : null;
    this.x = new Float64Array(BATCH * this.data.inputs);
    this.t = new Float64Array(BATCH * this.data.outputs);
    this.weight = new Float64Array(BATCH);
    this.view = order.view;
    Object.assign(this, { seconds: 0, steps: 0, loss: NaN, running: true, looked: 0, nextLook: 0, nextMeasure: 0, skills: null });
  }

  step() {
    const began = performance.now();
    if (this.steps % 2 === 0) this.data.draw?.();
    this.data.batch(this.x, this.t, this.weight);
    const loss = this.network.gradient(this.x, this.t, this.weight);
    this.network.adam(this.rate());
    if (!Number.isFinite(loss)) throw new Error("The loss is not a number any more: lower the learning rate, then start again.");
    this.loss = Number.isNaN(this.loss) ? loss : 0.9 * this.loss + 0.1 * loss;
    this.steps++;
    this.seconds += (performance.now() - began) / 1000;
  }

  /** The learning rate now: cosine decay to a hundredth over the seconds that were asked for, or constant. */
  rate() {
    const { rate, seconds } = this.order;
    if (!seconds) return rate;
    const done = Math.min(1, this.seconds / seconds);
    return rate * (LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + Math.cos(Math.PI * done)));
  }

  /** Post a frame: the answers on the grid, what neurons see, and now and then the skill at each octave. */
  look() {
    const began = performance.now();
    const values = Float32Array.from(this.network.predict(this.data.grid(SIDE, this.view)));
    if (this.meter && this.seconds >= this.nextMeasure) {
      this.skills = this.meter.skills((x) => this.network.predict(x));
      this.nextMeasure = this.seconds + Math.max(1, this.seconds * 0.05);
    }
    postMessage(
      {
        is: "frame", side: SIDE, values, steps: this.steps, seconds: this.seconds, loss: this.loss, rate: this.rate(),
        parameters: this.network.parameters, features: this.network.features.outputs, skills: this.skills,
        neurons: this.neurons(), view: this.view,
      },
      [values.buffer],
    );
    this.looked += (performance.now() - began) / 1000;
    // Frames come quickly at first, when most changes, and take a bounded share of the time later.
    this.nextLook = this.seconds + Math.max(0.08, Math.min(1.5, this.seconds * 0.03), ((performance.now() - began) / 1000) / LOOKING);
  }

  /** Activations of up to 16 neurons of every hidden layer over the square: [{neurons, values}], side by side. */
  neurons() {
    if (this.data.inputs !== 2) return [];
    const layers = this.network.layers.slice(0, -1).map(({ outputs }) => {
      const shown = Math.min(16, outputs);
      return { shown, values: new Float32Array(shown * NEURON_SIDE ** 2) };
    });
    this.network.predict(this.data.grid(NEURON_SIDE, this.data.kind === "image" ? this.view : undefined), (k, at, rows, after, stride) => {
      const { shown, values } = layers[k] ?? {};
      for (let r = 0; r < rows && at + r < NEURON_SIDE ** 2; r++)
        for (let n = 0; n < shown; n++) values[n * NEURON_SIDE ** 2 + at + r] = after[r * stride + n];
    });
    return this.data.kind === "surface" ? [] : layers;
  }

  get over() {
    return Boolean(this.order.seconds) && this.seconds >= this.order.seconds;
  }
}

function tick(mine) {
  if (run !== mine || !mine.running) return;
  try {
    const until = performance.now() + SLICE;
    do mine.step();
    while (performance.now() < until && !mine.over);
    if (mine.over) mine.nextMeasure = mine.nextLook = 0;
    if (mine.seconds >= mine.nextLook) mine.look();
    if (mine.over) {
      mine.running = false;
      postMessage({ is: "over" });
    } else setTimeout(tick, 0, mine);
  } catch (error) {
    mine.running = false;
    postMessage({ is: "failed", message: error.message });
  }
}

const ACTS = {
  start(order) {
    run = new Run(order);
    run.look();
    setTimeout(tick, 0, run);
  },
  pause() {
    if (run) run.running = false;
  },
  resume() {
    if (!run || run.running) return;
    run.running = true;
    setTimeout(tick, 0, run);
  },
  step() {
    if (!run) return;
    run.running = false;
    run.step();
    run.look();
  },
  view({ view }) {
    if (!run) return;
    run.view = view;
    run.look();
  },
  state({ id }) {
    postMessage({ is: "state", id, tensors: run.network.state() });
  },
};

addEventListener("message", ({ data }) => {
  try {
    ACTS[data.do](data);
  } catch (error) {
    postMessage({ is: "failed", message: error.message });
  }
});
