// Page 3: two neurons and their weighted sum; a guess before the answer.

import { controls, Plot } from "./figure.js";
import { ACTIVATIONS } from "./shapes.js";

const [sum, guess] = document.querySelectorAll(".figure");
const plot = new Plot(sum.querySelector("svg"), { x: [-2, 2], y: [-2.2, 2.6], ticks: [-2, -1, 0, 1, 2] });

const form = controls(sum.querySelector("form"), ({ w1, w2, b1, b2, activation }) => {
  const f = ACTIVATIONS[activation], first = (x) => f(2 * (x - b1)), second = (x) => f(2 * (x - b2));
  plot.line("first", (x) => w1 * first(x), "one");
  plot.line("second", (x) => w2 * second(x), "two");
  plot.line("total", (x) => w1 * first(x) + w2 * second(x), "answer");
});
for (const button of sum.querySelectorAll("[data-set]"))
  button.addEventListener("click", () => form.set(JSON.parse(button.dataset.set)));

/* What do 1.5 and -0.5 give? Three levels are dragged into place, then the answer is shown. */
const TRUTH = [0, 1.5, 1], EDGES = [-2, -0.7, 0.7, 2];
const levels = [0.6, 0.6, 0.6];
const board = new Plot(guess.querySelector("svg"), { x: [-2, 2], y: [-1, 2.2], ticks: [-2, -1, 0, 1, 2] });
const stairs = (heights) => heights.flatMap((h, k) => [[EDGES[k], h], [EDGES[k + 1], h]]);
const show = () => board.line("guess", stairs(levels), "one");
const handles = levels.map((level, k) => board.handle(`h${k}`, `Level of part ${k + 1}`, [(EDGES[k] + EDGES[k + 1]) / 2, level], (_x, y) => {
  levels[k] = Math.round(y * 10) / 10;
  handles[k]?.place([(EDGES[k] + EDGES[k + 1]) / 2, levels[k]]);
  show();
}, 0.1));
show();
guess.querySelector("button").addEventListener("click", () => {
  board.line("answer", stairs(TRUTH), "answer");
  const wrong = Math.max(...levels.map((level, k) => Math.abs(level - TRUTH[k])));
  guess.querySelector("[data-out=verdict]").textContent = wrong < 0.15
    ? "Right: 0 before the first step, 1.5 after it, and 1.5 − 0.5 = 1 after the second."
    : "The levels are 0, then 1.5, then 1.5 − 0.5 = 1.";
});
