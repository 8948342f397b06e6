// Page 2: one neuron with one input, and the dot product of a neuron with three.

import { controls, Plot } from "./figure.js";
import { ACTIVATIONS } from "./shapes.js";

const [single, product] = document.querySelectorAll(".figure");
const plot = new Plot(single.querySelector("svg"), { x: [-3, 3], y: [-1.6, 3], ticks: [-3, -2, -1, 0, 1, 2, 3] });
const say = (figure, name, text) => { figure.querySelector(`[data-out="${name}"]`).textContent = text; };
const number = (v, digits = 1) => v.toFixed(digits).replace("-", "−");
const signed = (v) => (v < 0 ? `− ${Math.abs(v).toFixed(1)}` : `+ ${v.toFixed(1)}`);

controls(single.querySelector("form"), ({ weight, bias, activation }) => {
  const f = ACTIVATIONS[activation];
  plot.line("before", (x) => weight * x + bias, "faint");
  plot.line("after", (x) => f(weight * x + bias), "answer");
  say(single, "formula", `y = ${activation}(${weight.toFixed(1)} x ${signed(bias)})`);
  say(single, "turn", weight === 0 ? "With weight 0 the input does not matter." : `It turns at x = ${(-bias / weight).toFixed(2)}.`);
});

controls(product.querySelector("form"), (v) => {
  const terms = [1, 2, 3].map((k) => [v[`x${k}`], v[`w${k}`]]);
  const sum = terms.reduce((s, [x, w]) => s + x * w, v.b);
  say(product, "sum", `${terms.map(([x, w]) => `${number(x)} · ${w < 0 ? `(${number(w)})` : number(w)}`).join(" + ")} ${signed(v.b)} = ${number(sum, 2)}`);
  say(product, "relu", `ReLU(${number(sum, 2)}) = ${Math.max(0, sum).toFixed(2)}`);
});
