// Page 7: octaves against samples, parameters and seconds, from the measured runs.

import { controls, element } from "./figure.js";

const figure = document.querySelector(".figure"), svg = figure.querySelector("svg");
const { runs } = await (await fetch(figure.dataset.runs)).json();
const NAMES = { plain: "plain", taylor: "Taylor", fourier: "Fourier, per axis", random: "random Fourier", grid: "hash grid" };
const KINDS = Object.keys(NAMES);
const LEFT = 44, RIGHT = 560, TOP = 16, BOTTOM = 290;
const short = (v) => (v >= 1e6 ? `${+(v / 1e6).toPrecision(2)} M` : v >= 1e3 ? `${+(v / 1e3).toPrecision(2)} k` : String(+v.toPrecision(2)));

/** [[position, octaves], ...] of one kind on an axis. */
function points(kind, axis) {
  const found = runs.filter((r) => r.axis === axis && r.kind === kind).map((r) => [r[axis], r.octaves]);
  return found.sort((a, b) => a[0] - b[0]);
}

/** Heights at which labels do not overlap, near the wanted ones. */
function spread(wanted, gap) {
  const order = wanted.map((y, k) => [y, k]).sort((a, b) => a[0] - b[0]), placed = [];
  order.forEach(([y], n) => placed.push(Math.max(y, n ? placed[n - 1] + gap : -Infinity)));
  const over = Math.max(0, placed.at(-1) - (BOTTOM - 4));
  const found = [];
  order.forEach(([, k], n) => { found[k] = placed[n] - over; });
  return found;
}

controls(figure.querySelector("form"), ({ axis }) => {
  const lines = KINDS.map((kind) => points(kind, axis)), all = lines.flat();
  const [least, most] = [Math.min(...all.map((p) => p[0])), Math.max(...all.map((p) => p[0]))];
  const top = Math.ceil(Math.max(...all.map((p) => p[1])));
  const x = (v) => LEFT + (Math.log(v / least) / Math.log(most / least)) * (RIGHT - LEFT);
  const y = (v) => BOTTOM - (v / top) * (BOTTOM - TOP);
  svg.replaceChildren();
  for (let octave = 0; octave <= top; octave += 2)
    svg.append(element("line", { class: "grid", x1: LEFT, x2: RIGHT, y1: y(octave), y2: y(octave) }), element("text", { x: LEFT - 8, y: y(octave) + 4, "text-anchor": "end" }, String(octave)));
  for (let power = Math.ceil(Math.log10(least)); power <= Math.log10(most); power++)
    svg.append(element("text", { x: x(10 ** power), y: BOTTOM + 20, "text-anchor": "middle" }, short(10 ** power)));
  const heights = spread(lines.map((line) => y(line.at(-1)[1])), 16);
  lines.forEach((line, k) => {
    svg.append(element("path", { class: `k${k}`, d: line.map((p, n) => `${n ? "L" : "M"}${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`).join("") }));
    svg.append(element("text", { class: `label k${k}`, x: RIGHT + 12, y: heights[k] + 4 }, `${NAMES[KINDS[k]]} ${line.at(-1)[1].toFixed(1)}`));
  });
});
