// Page 4: a drawn curve, followed by hinges that are placed, and by as many that are learned.

import { Network } from "../nn/network.js";
import { controls, onFrame, Plot, whileVisible } from "./figure.js";

const KNOTS = 128, STEPS = 6000;

const figure = document.querySelector(".figure"), svg = figure.querySelector("svg");
const plot = new Plot(svg, { x: [-1, 1], y: [-0.05, 1.05] });
const x = Float64Array.from({ length: KNOTS + 1 }, (_, k) => (2 * k) / KNOTS - 1);
const curve = x.map((v) => 0.5 + 0.3 * Math.sin(5 * v) + 0.14 * Math.sin(17 * v) * (v > 0));
let hinges = 8, network = null;

const at = (v) => {
  const place = ((v + 1) / 2) * KNOTS, k = Math.min(KNOTS - 1, Math.max(0, Math.floor(place)));
  return curve[k] + (place - k) * (curve[k + 1] - curve[k]);
};

/** Sum of ReLUs whose kinks lie evenly, with slopes chosen so that the sum meets the curve at every kink. */
function placed() {
  const kinks = Array.from({ length: hinges + 1 }, (_, k) => (2 * k) / hinges - 1), slopes = [];
  for (let k = 0; k < hinges; k++) slopes.push((at(kinks[k + 1]) - at(kinks[k])) / (kinks[k + 1] - kinks[k]));
  const weights = slopes.map((s, k) => s - (slopes[k - 1] ?? 0));
  return (v) => at(-1) + weights.reduce((sum, w, k) => sum + w * Math.max(0, v - kinks[k]), 0);
}

const error = (f) => Math.sqrt(x.reduce((s, v, k) => s + (f(v) - curve[k]) ** 2, 0) / x.length);
const say = (name, value) => { figure.querySelector(`[data-out="${name}"]`).textContent = value.toFixed(4); };

const draw = onFrame(() => {
  const answers = network.predict(x), sum = placed();
  plot.line("drawn", Array.from(x, (v, k) => [v, curve[k]]), "truth");
  plot.line("placed", sum, "one");
  plot.line("learned", Array.from(x, (v, k) => [v, answers[k]]), "answer");
  say("placed", error(sum));
  say("learned", Math.sqrt(answers.reduce((s, y, k) => s + (y - curve[k]) ** 2, 0) / x.length));
});

const training = whileVisible(figure, () => {
  network.gradient(x, curve);
  network.adam(1e-2 * (1 - network.steps / STEPS) + 1e-4);
  if (network.steps % 10 === 0) draw();
  return network.steps < STEPS;
});

function begin(seed) {
  network = new Network({ inputs: 1, outputs: 1, features: "none", orders: 1, hidden: [hinges], activation: "relu", seed });
  draw();
  training.go();
}

const form = controls(figure.querySelector("form"), (values) => {
  hinges = Number(values.hinges);
  begin(values.seed);
});
figure.querySelector("[data-do=again]").addEventListener("click", () => form.set({ seed: 1 + (Number(form.values().seed) % 99) }));

/* Drawing: the pointer sets the curve between its last place and this one. */
let from = null;
svg.addEventListener("pointerdown", (event) => { from = plot.where(event); svg.setPointerCapture(event.pointerId); });
svg.addEventListener("pointermove", (event) => {
  if (!from) return;
  const to = plot.where(event), [left, right] = from[0] < to[0] ? [from, to] : [to, from];
  x.forEach((v, k) => {
    if (v < left[0] - 1 / KNOTS || v > right[0] + 1 / KNOTS) return;
    const share = right[0] === left[0] ? 0 : Math.min(1, Math.max(0, (v - left[0]) / (right[0] - left[0])));
    curve[k] = Math.min(1, Math.max(0, left[1] + share * (right[1] - left[1])));
  });
  from = to;
  draw();
});
for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => { if (from) { from = null; begin(form.values().seed); } });
