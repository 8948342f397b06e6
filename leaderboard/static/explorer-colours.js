// Numbers as colours, as `challenge/imaging/pictures.py` does it: a view's own range over the whole map, fading to the
// interior's colour from there to 1; errors in shares of the view's deviation.
import { INSIDE, NOT_FINITE, SIDE, valueOf } from "./explorer-feed.js";

const TAIL = 0.01;
const FADE = 64;
// A few hundred values of a tile tell its range as well as all of them.
const SAMPLE = 89;

const word = (r, g, b) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

function words(digits) {
  const found = new Uint32Array(digits.length / 6);
  for (let k = 0; k < found.length; k++) {
    const rgb = parseInt(digits.slice(6 * k, 6 * k + 6), 16);
    found[k] = word(rgb >> 16, (rgb >> 8) & 255, rgb & 255);
  }
  return found;
}

export class Palettes {
  constructor({ maps, error, inside, not_finite }) {
    this.inside = words(inside)[0];
    this.odd = words(not_finite)[0];
    this.error = words(error);
    this.maps = new Map(Object.entries(maps).map(([name, digits]) => [name, this.extended(words(digits))]));
  }

  // The map's 256 colours, and the way from its last one to the interior's.
  extended(colours) {
    const found = new Uint32Array(256 + FADE);
    found.set(colours);
    const part = (value, shift) => (value >>> shift) & 255;
    for (let k = 0; k < FADE; k++) {
      const share = (k + 1) / FADE;
      const mix = (shift) => Math.round(part(colours[255], shift) * (1 - share) + part(this.inside, shift) * share);
      found[256 + k] = word(mix(0), mix(8), mix(16));
    }
    return found;
  }
}

function place(value, scale, span, rest) {
  const share = (value - scale.low) / span;
  if (share <= 1) return share > 0 ? Math.round(255 * share) : 0;
  return 255 + Math.max(1, Math.ceil(FADE * Math.min(1, (value - scale.high) / rest)));
}

export function paintValues(pen, tile, scale, colours, palettes) {
  const image = pen.createImageData(SIDE, SIDE);
  const pixels = new Uint32Array(image.data.buffer);
  const span = scale.high - scale.low;
  const rest = Math.max(1 - scale.high, 1e-12);
  const { codes } = tile;
  for (let k = 0; k < codes.length; k++) {
    const code = codes[k];
    if (code === INSIDE) pixels[k] = palettes.inside;
    else if (code === NOT_FINITE) pixels[k] = palettes.odd;
    else pixels[k] = colours[place(tile.low + tile.step * code, scale, span, rest)];
  }
  pen.putImageData(image, 0, 0);
}

export function paintError(pen, truth, tile, scale, palettes) {
  const image = pen.createImageData(SIDE, SIDE);
  const pixels = new Uint32Array(image.data.buffer);
  const most = Math.max(scale.deviation, 1e-12);
  for (let k = 0; k < pixels.length; k++) {
    const guess = valueOf(tile, tile.codes[k]);
    // What is not finite is wrong by 1.
    const error = Number.isNaN(guess) ? 1 : Math.abs(Math.min(1, Math.max(0, guess)) - valueOf(truth, truth.codes[k]));
    pixels[k] = palettes.error[Math.round(255 * Math.min(1, error / most))];
  }
  pen.putImageData(image, 0, 0);
}

// Of the truth in sight: the range outside the set without its tails, and the deviation of all of it.
export function scaleOf(tiles) {
  const outside = [];
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (const tile of tiles) {
    for (let k = SAMPLE >> 1; k < tile.codes.length; k += SAMPLE) {
      const value = valueOf(tile, tile.codes[k]);
      // About 1, where deep values lie close together.
      const less = value - 1;
      count += 1;
      sum += less;
      squares += less * less;
      if (tile.codes[k] !== INSIDE) outside.push(value);
    }
  }
  if (!outside.length) return { low: 0, high: 1, deviation: 0 };
  const sorted = Float64Array.from(outside).sort();
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  const low = at(TAIL);
  return {
    low,
    high: Math.max(at(1 - TAIL), low + 1e-12),
    deviation: Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2)),
  };
}
