// What /play can learn, each with the same five things: inputs, outputs, batch(x, t, weight), grid(side) and
// truth(side). Inputs lie in [-1, 1], targets in [0, 1], as the judge's controls have them.

import { MandelbrotPoints, CENTRE_X, HALF_WIDTH, look } from "./mandelbrot.js";

const POINTS = 4096;

/** Pixel centres of the square [-1, 1]^2, row by row from the top: (side * side, 2), flat. */
export function squareGrid(side, view = { x: 0, y: 0, half: 1 }) {
  const grid = new Float64Array(2 * side * side);
  for (let row = 0, at = 0; row < side; row++)
    for (let column = 0; column < side; column++, at += 2) {
      grid[at] = view.x + view.half * ((2 * (column + 0.5)) / side - 1);
      grid[at + 1] = view.y + view.half * (1 - (2 * (row + 0.5)) / side);
    }
  return grid;
}

class Mandelbrot extends MandelbrotPoints {
  constructor({ random, deepest }) {
    super(random, deepest);
    this.kind = "image";
  }

  grid(side, view) {
    return squareGrid(side, view);
  }

  truth(side, view) {
    return mandelbrotTruth(squareGrid(side, view));
  }
}

/** The target at unit points (n, 2), flat: (n). */
export function mandelbrotTruth(x) {
  const found = [0, 0];
  return Float64Array.from({ length: x.length / 2 }, (_, k) => {
    look(CENTRE_X + HALF_WIDTH * x[2 * k], HALF_WIDTH * x[2 * k + 1], found);
    return found[0];
  });
}

/** Random samples of a function that is known everywhere. */
class Sampled {
  constructor(kind, inputs, outputs, random, value) {
    Object.assign(this, { kind, inputs, outputs, random });
    this.x = Float64Array.from({ length: POINTS * inputs }, () => 2 * random() - 1);
    this.value = value;
    this.t = this.#values(this.x);
  }

  #values(x) {
    const { inputs, outputs, value } = this, n = x.length / inputs, t = new Float64Array(n * outputs);
    for (let k = 0; k < n; k++) t.set(value(x.subarray(k * inputs, (k + 1) * inputs)), k * outputs);
    return t;
  }

  batch(x, t, weight) {
    const { inputs, outputs } = this;
    for (let k = 0; k < weight.length; k++) {
      const j = Math.floor(this.random() * POINTS);
      for (let i = 0; i < inputs; i++) x[k * inputs + i] = this.x[j * inputs + i];
      for (let i = 0; i < outputs; i++) t[k * outputs + i] = this.t[j * outputs + i];
      weight[k] = 1;
    }
  }

  grid(side) {
    if (this.kind === "curve") return Float64Array.from({ length: 4 * side }, (_, k) => (2 * (k + 0.5)) / (4 * side) - 1);
    if (this.kind === "image") return squareGrid(side);
    const rows = Math.round(side / 4), grid = [];
    for (let i = 0; i <= rows; i++) for (let j = 0; j <= rows; j++) grid.push((2 * i) / rows - 1, (2 * j) / rows - 1);
    return Float64Array.from(grid);
  }

  truth(side) {
    return this.#values(this.grid(side));
  }
}

/** A curve with a smooth, a stepped and a kinked part. */
function curve([x]) {
  if (x < -0.35) return [0.5 + 0.35 * Math.sin(9 * x) * Math.cos(2.5 * x)];
  if (x < 0.3) return [0.2 + 0.6 * (Math.floor(6 * (x + 1)) % 2)];
  return [0.85 - 0.7 * Math.abs(((4 * x) % 2) - 1)];
}

function sphere([u, v]) {
  const polar = (Math.PI * (v + 1)) / 2, around = Math.PI * u;
  return [Math.sin(polar) * Math.cos(around), Math.sin(polar) * Math.sin(around), Math.cos(polar)].map((c) => 0.5 + 0.45 * c);
}

/** A spiral shell, as in the video: a tube that widens along a helix. */
function shell([u, v]) {
  const turn = 2.5 * Math.PI * (u + 1), tube = Math.PI * (v + 1), grow = Math.exp(0.16 * turn) / Math.exp(0.8 * Math.PI);
  const radius = grow * (0.5 + 0.42 * Math.cos(tube));
  return [radius * Math.cos(turn), radius * Math.sin(turn), 0.9 - 1.5 * grow + 0.42 * grow * Math.sin(tube)].map((c) => 0.5 + 0.45 * c);
}

/** Colours of a picture between its pixels: {width, height, pixels: RGBA bytes}. */
function pictured({ width, height, pixels }) {
  return ([x, y]) => {
    const column = Math.min(width - 1, Math.floor(((x + 1) / 2) * width));
    const row = Math.min(height - 1, Math.floor(((1 - y) / 2) * height));
    const at = 4 * (row * width + column);
    return [pixels[at] / 255, pixels[at + 1] / 255, pixels[at + 2] / 255];
  };
}

/** @param options random, deepest (of the set's zoom chains), picture (for "picture"). */
export function makeDataSet(name, options) {
  const { random, picture } = options;
  switch (name) {
    case "set": return new Mandelbrot(options);
    case "curve": return new Sampled("curve", 1, 1, random, curve);
    case "sphere": return new Sampled("surface", 2, 3, random, sphere);
    case "shell": return new Sampled("surface", 2, 3, random, shell);
    case "picture": return new Sampled("image", 2, 3, random, pictured(picture));
    default: throw new RangeError(`no data set is called ${name}`);
  }
}

export const SHAPES = { set: [2, 1], curve: [1, 1], sphere: [2, 3], shell: [2, 3], picture: [2, 3] };
