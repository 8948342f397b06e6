// Page 5: the loss over two weights as a landscape, a ball that rolls down, and backpropagation with numbers.

import { controls, element, onFrame, reducedMotion } from "./figure.js";

const [landscape, chain] = document.querySelectorAll(".figure");
const canvas = landscape.querySelector("canvas"), svg = landscape.querySelector("svg");
const RANGE = 3, SIDE = 120, MOST_STEPS = 200;

// Samples of tanh(2 x) - 0.5 x; the network has the two weights of v tanh(w x).
const DATA = Array.from({ length: 21 }, (_, k) => k / 10 - 1).map((x) => [x, Math.tanh(2 * x) - 0.5 * x]);

function lossAt(w, v) {
  let loss = 0, dw = 0, dv = 0;
  for (const [x, t] of DATA) {
    const h = Math.tanh(w * x), wrong = v * h - t;
    loss += wrong * wrong;
    dv += 2 * wrong * h;
    dw += 2 * wrong * v * (1 - h * h) * x;
  }
  return { loss: loss / DATA.length, dw: dw / DATA.length, dv: dv / DATA.length };
}

function paintLandscape() {
  const pen = canvas.getContext("2d"), image = pen.createImageData(SIDE, SIDE);
  for (let row = 0; row < SIDE; row++)
    for (let column = 0; column < SIDE; column++) {
      const { loss } = lossAt(RANGE * ((2 * column) / (SIDE - 1) - 1), RANGE * (1 - (2 * row) / (SIDE - 1)));
      const level = Math.log10(loss + 1e-3), share = Math.min(1, Math.max(0, (level + 3) / 4));
      // Contours every quarter of a power of ten.
      const edge = (((level * 4) % 1) + 1) % 1 < 0.12 ? 0.72 : 1;
      image.data.set([(30 + 215 * share ** 1.5) * edge, (22 + 125 * share) * edge, (70 + 110 * Math.sin(Math.PI * share)) * edge, 255], 4 * (row * SIDE + column));
    }
  canvas.width = canvas.height = SIDE;
  pen.putImageData(image, 0, 0);
}

const place = ([w, v]) => [50 * (1 + w / RANGE), 50 * (1 - v / RANGE)];
let start = [-2.2, 1.2], path = [], timer = 0, wanted = {};

function roll() {
  cancelAnimationFrame(timer);
  path = [start];
  const tick = () => {
    const [w, v] = path.at(-1), { dw, dv } = lossAt(w, v), n = path.length;
    const rate = wanted.rate * (wanted.decay ? 0.98 ** n : 1);
    path.push([w - rate * dw, v - rate * dv]);
    const lost = !path.at(-1).every((c) => Math.abs(c) < 50);
    if (!reducedMotion || lost || n >= MOST_STEPS) draw();
    if (!lost && n < MOST_STEPS) timer = reducedMotion ? (tick(), 0) : requestAnimationFrame(tick);
  };
  tick();
}

const draw = onFrame(() => {
  const points = path.map(place), [x, y] = points.at(-1), { loss } = lossAt(...path.at(-1));
  svg.replaceChildren(
    element("polyline", { class: "trail", points: points.map((p) => p.map((c) => Math.min(160, Math.max(-60, c)).toFixed(2)).join(",")).join(" ") }),
    element("circle", { class: "ball", r: 2.2, cx: Math.min(100, Math.max(0, x)), cy: Math.min(100, Math.max(0, y)) }),
  );
  landscape.querySelector("[data-out=loss]").textContent = Number.isFinite(loss) ? loss.toPrecision(3) : "too large to write down";
  landscape.querySelector("[data-out=steps]").textContent = path.length - 1;
});

paintLandscape();
controls(landscape.querySelector("form"), (values) => { wanted = values; roll(); });
svg.addEventListener("click", (event) => {
  const box = svg.getBoundingClientRect();
  start = [RANGE * ((2 * (event.clientX - box.left)) / box.width - 1), RANGE * (1 - (2 * (event.clientY - box.top)) / box.height)];
  roll();
});
svg.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: [-0.2, 0], ArrowRight: [0.2, 0], ArrowUp: [0, 0.2], ArrowDown: [0, -0.2] }[event.key];
  if (!by) return;
  event.preventDefault();
  start = start.map((c, k) => Math.min(RANGE, Math.max(-RANGE, c + by[k])));
  roll();
});

/* y = w3 tanh(w2 tanh(w1 x)): forwards, then the chain rule backwards. */
controls(chain.querySelector("form"), ({ x, t, w1, w2, w3 }) => {
  const a = Math.tanh(w1 * x), b = Math.tanh(w2 * a), y = w3 * b, dy = 2 * (y - t);
  const d3 = dy * b, db = dy * w3, d2 = db * (1 - b * b) * a, da = db * (1 - b * b) * w2, d1 = da * (1 - a * a) * x;
  const values = { a, b, y, loss: (y - t) ** 2, dy, d3, db, d2, da, d1 };
  for (const [name, value] of Object.entries(values)) chain.querySelector(`[data-out="${name}"]`).textContent = value.toFixed(3);
});
