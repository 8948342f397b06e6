// Page 6: one small network on a curve and on a picture, with and without features.

import { loadPalette, paintImage } from "../play/paint.js";
import { readPicture } from "../play/picture.js";
import { makeDataSet } from "../nn/data_sets.js";
import { Network, seeded } from "../nn/network.js";
import { controls, Plot, whileVisible } from "./figure.js";

const [curve, picture, counts] = document.querySelectorAll(".figure");
const STEPS = 3000, BATCH = 256, SIDE = 64, ROWS = 8;

function learner(figure, makeData, show) {
  let data, network, x, t, weight, drawing = null;
  const draw = () => { drawing ??= show(network, data); };
  const training = whileVisible(figure, () => {
    // A picture is drawn in parts, so that no frame is late for it.
    if (drawing) {
      if (drawing.next().done) drawing = null;
      return true;
    }
    data.batch(x, t, weight);
    network.gradient(x, t, weight);
    network.adam(6e-3 * (1 - network.steps / STEPS) + 1e-4);
    if (network.steps % 6 === 0) draw();
    return network.steps < STEPS || drawing !== null;
  });
  return (values) => {
    data = makeData(seeded(3));
    x = new Float64Array(BATCH * data.inputs);
    t = new Float64Array(BATCH * data.outputs);
    weight = new Float64Array(BATCH);
    const orders = values.features === "taylor" ? Math.min(values.orders, 16) : values.orders;
    network = new Network({ inputs: data.inputs, outputs: data.outputs, features: values.features, orders, hidden: [32, 32], activation: "tanh", seed: 4 });
    figure.querySelector("[data-out=count]").textContent = network.features.outputs;
    draw();
    training.go();
  };
}

const plot = new Plot(curve.querySelector("svg"), { x: [-1, 1], y: [-0.05, 1.05] });
controls(curve.querySelector("form"), learner(curve, (random) => {
  // Few samples: what is between them is the network's own idea.
  const data = makeDataSet("curve", { random });
  const few = 40, { x, t } = data;
  data.batch = (into, truth, weight) => {
    for (let k = 0; k < weight.length; k++) {
      const j = Math.floor(random() * few);
      into[k] = x[j]; truth[k] = t[j]; weight[k] = 1;
    }
  };
  return data;
}, function* (network, data) {
  const grid = data.grid(75), answers = network.predict(grid), truth = data.truth(75);
  plot.line("truth", Array.from(grid, (v, k) => [v, truth[k]]), "truth");
  plot.line("answer", Array.from(grid, (v, k) => [v, answers[k]]), "answer");
  plot.dots("samples", Array.from({ length: 40 }, (_, k) => [data.x[k], data.t[k]]), "samples");
  yield;
}));

const [truthCanvas, answerCanvas] = picture.querySelectorAll("canvas");
const palette = await loadPalette(picture.dataset.palette);
let pixels = await readPicture(await (await fetch(picture.dataset.picture)).blob()), last = null;
const begin = learner(picture, (random) => {
  const data = makeDataSet("picture", { random, picture: pixels });
  paintImage(truthCanvas, data.truth(128), palette, [0, 1]);
  return data;
}, function* (network, data) {
  const grid = data.grid(SIDE), answers = new Float64Array(3 * SIDE * SIDE);
  for (let row = 0; row < SIDE; row += ROWS) {
    const [first, last] = [row * SIDE, Math.min(SIDE, row + ROWS) * SIDE];
    answers.set(network.predict(grid.subarray(2 * first, 2 * last)), 3 * first);
    yield;
  }
  paintImage(answerCanvas, answers, palette, [0, 1]);
});
controls(picture.querySelector("form"), (values) => { last = values; begin(values); });
picture.querySelector("input[type=file]").addEventListener("change", async ({ target }) => {
  const problem = picture.querySelector("[data-out=problem]");
  problem.textContent = "";
  try {
    if (target.files[0]) pixels = await readPicture(target.files[0]);
    begin(last);
  } catch (error) {
    problem.textContent = error.message;
  }
});

/* How many features a full series has: every combination of orders, in every dimension. */
controls(counts.querySelector("form"), ({ orders }) => {
  const number = (v) => (v < 1e6 ? Math.round(v).toLocaleString("en") : `10^${Math.floor(Math.log10(v))}`);
  for (const row of counts.querySelectorAll("tr[data-dimension]")) {
    const d = Number(row.dataset.dimension);
    row.querySelector("[data-out=axis]").textContent = number(2 * orders * d);
    // (2 n + 1)^d waves; beyond what a double holds, the exponent alone.
    const digits = d * Math.log10(2 * orders + 1);
    row.querySelector("[data-out=full]").textContent = digits < 6 ? number((2 * orders + 1) ** d) : `10^${Math.floor(digits)}`;
  }
});
