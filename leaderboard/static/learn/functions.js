// Page 1: an unknown function, its samples, and a network that is fitted to them.

import { seeded, Network } from "../nn/network.js";
import { controls, onFrame, Plot, whileVisible } from "./figure.js";

const FUNCTIONS = {
  sound: (x) => 0.5 + 0.22 * Math.sin(11 * x) + 0.16 * Math.sin(4.3 * x + 1) + 0.08 * Math.sin(23 * x),
  picture: (x) => 0.5 + 0.35 * Math.tanh(9 * (x + 0.55)) * Math.tanh(-12 * (x - 0.15)) + 0.12 * Math.cos(6 * x),
  random: (x) => 0.5 + 0.4 * Math.sin(97 * Math.sin(53 * Math.floor(40 * x))),
};
const HELD_OUT = 40, STEPS = 4000;

const figure = document.querySelector(".figure"), out = (name) => figure.querySelector(`[data-out="${name}"]`);
const plot = new Plot(figure.querySelector("svg"), { x: [-1, 1], y: [-0.05, 1.05] });
let wanted, network, x, t, heldX, heldT;

const draw = onFrame(() => {
  const grid = Float64Array.from({ length: 201 }, (_, k) => k / 100 - 1), answers = network.predict(grid);
  plot.line("unknown", wanted.reveal ? FUNCTIONS[wanted.which] : [], "truth");
  plot.line("fit", Array.from(grid, (v, k) => [v, answers[k]]), "answer");
  plot.dots("held", wanted.reveal ? Array.from(heldX, (v, k) => [v, heldT[k]]) : [], "held");
  plot.dots("samples", Array.from(x, (v, k) => [v, t[k]]), "samples", 4.5);
  const error = (at, truth) => Math.sqrt(network.predict(at).reduce((s, y, k) => s + (y - truth[k]) ** 2, 0) / truth.length);
  out("samples").textContent = error(x, t).toFixed(3);
  out("held").textContent = error(heldX, heldT).toFixed(3);
});

const training = whileVisible(figure, () => {
  network.gradient(x, t);
  network.adam(6e-3 * (1 - network.steps / STEPS) + 1e-4);
  if (network.steps % 8 === 0) draw();
  return network.steps < STEPS;
});

controls(figure.querySelector("form"), (values, name) => {
  wanted = values;
  if (name === "reveal") return draw();
  const random = seeded(7), f = FUNCTIONS[values.which];
  x = Float64Array.from({ length: values.count }, (_, k) => (2 * (k + 0.15 + 0.7 * random())) / values.count - 1);
  heldX = Float64Array.from({ length: HELD_OUT }, () => 2 * random() - 1);
  [t, heldT] = [x.map(f), heldX.map(f)];
  network = new Network({ inputs: 1, outputs: 1, features: "fourier", orders: 3, hidden: [24, 24], activation: "tanh", seed: 2 });
  draw();
  training.go();
});
