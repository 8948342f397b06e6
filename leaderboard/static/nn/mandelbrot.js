// The target in plain doubles, and views drawn along zoom chains as the judge draws them.
// docs/spec.md, sections 1 to 4. Plain doubles are good enough to train and to watch, not to be judged by.

export const CENTRE_X = -0.75, HALF_WIDTH = 2;
// Few points escape later, and they are what takes time; the judge counts to 100,000.
const MOST_ITERATIONS = 1000;
const BAILOUT = 2 ** 32;
const SHORE_OCTAVES = 12;
// A view that hardly varies would outweigh a hundred others.
const LEAST_VARIANCE = 1e-2;

/** What lies at the point c = (re, im): [target in [0, 1], estimated distance to the set; 0 inside]. */
export function look(re, im, out) {
  const shifted = re - 0.25, q = shifted * shifted + im * im;
  const inside = q * (q + shifted) <= 0.25 * im * im || (re + 1) * (re + 1) + im * im <= 0.0625;
  out[0] = 1; out[1] = 0;
  if (inside) return;
  let x = 0, y = 0, dx = 0, dy = 0, xx = 0, yy = 0, oldX = 0, oldY = 0, mark = 8;
  for (let n = 1; n <= MOST_ITERATIONS; n++) {
    const slope = 2 * (x * dx - y * dy) + 1;
    dy = 2 * (x * dy + y * dx);
    dx = slope;
    y = 2 * x * y + im;
    x = xx - yy + re;
    xx = x * x; yy = y * y;
    const size = xx + yy;
    if (size > BAILOUT) {
      const mu = Math.max(0, n + 1 - Math.log2(0.5 * Math.log2(size)));
      out[0] = mu / (mu + 50);
      out[1] = (Math.sqrt(size) * Math.log(size)) / Math.hypot(dx, dy);
      return;
    }
    // An orbit that comes back to the same double is periodic: the point is inside.
    if (x === oldX && y === oldY) return;
    if (n === mark) { oldX = x; oldY = y; mark *= 2; }
  }
}

/**
 * Views of one zoom chain, from the base window down.
 * @returns for each octave {x: (points, 2) unit coordinates, t: (points), variance}; those without any structure too.
 */
export function drawChain(random, octaves, points, shore) {
  const views = [], found = [0, 0];
  let centreX = CENTRE_X, centreY = 0;
  for (let octave = 0; octave < octaves; octave++) {
    const width = 2 * HALF_WIDTH * 2 ** -octave;
    const x = new Float64Array(2 * points), t = new Float64Array(points), distance = new Float64Array(points);
    let sum = 0, squares = 0;
    for (let k = 0; k < points; k++) {
      const re = centreX + width * (random() - 0.5), im = centreY + width * (random() - 0.5);
      look(re, im, found);
      x[2 * k] = (re - CENTRE_X) / HALF_WIDTH;
      x[2 * k + 1] = im / HALF_WIDTH;
      t[k] = found[0];
      distance[k] = found[1];
      sum += t[k];
      squares += t[k] * t[k];
    }
    views.push({ x, t, variance: Math.max(0, squares / points - (sum / points) ** 2), centreX, centreY, width });
    const next = nextCentre(random, x, distance, width, shore && octave < SHORE_OCTAVES);
    if (next >= 0) {
      centreX = CENTRE_X + HALF_WIDTH * x[2 * next];
      centreY = HALF_WIDTH * x[2 * next + 1];
    }
  }
  return views;
}

/** The point that the next view is centred on: a random one near the border; on the shore, the nearest to the inside. */
function nextCentre(random, x, distance, width, shore) {
  const room = 1 - width / 4 / HALF_WIDTH, near = width / 4;
  const allowed = [], candidates = [], inside = [];
  for (let k = 0; k < distance.length; k++) {
    if (distance[k] <= 0) inside.push(k);
    else if (Math.abs(x[2 * k]) <= room && Math.abs(x[2 * k + 1]) <= room) {
      allowed.push(k);
      if (distance[k] <= near) candidates.push(k);
    }
  }
  if (!candidates.length) return allowed.reduce((best, k) => (best < 0 || distance[k] < distance[best] ? k : best), -1);
  if (!shore || !inside.length) return candidates[Math.floor(random() * candidates.length)];
  let best = -1, least = Infinity;
  for (const k of candidates)
    for (const j of inside) {
      const gap = (x[2 * k] - x[2 * j]) ** 2 + (x[2 * k + 1] - x[2 * j + 1]) ** 2;
      if (gap < least) { least = gap; best = k; }
    }
  return best;
}

/** Training points that are replaced a chain at a time: as many of every octave, or uniform in the base window. */
export class MandelbrotPoints {
  /** @param deepest last octave of the chains; 0 draws uniform points of the base window. */
  constructor(random, deepest, capacity = 1 << 15) {
    Object.assign(this, { random, deepest, capacity, inputs: 2, outputs: 1, chains: 0, at: 0, filled: 0 });
    this.x = new Float64Array(2 * capacity);
    this.t = new Float64Array(capacity);
    this.weight = new Float64Array(capacity);
    while (this.filled < capacity / 4) this.draw();
  }

  /** Draw one more chain; its points take the places of the oldest ones. */
  draw() {
    for (const view of drawChain(this.random, this.deepest + 1, 64, this.chains % 2 === 1)) {
      if (view.variance === 0) continue;
      for (let k = 0; k < 64; k++) {
        this.x[2 * this.at] = view.x[2 * k];
        this.x[2 * this.at + 1] = view.x[2 * k + 1];
        this.t[this.at] = view.t[k];
        this.weight[this.at] = 1 / Math.max(view.variance, LEAST_VARIANCE);
        this.at = (this.at + 1) % this.capacity;
        this.filled = Math.min(this.capacity, this.filled + 1);
      }
    }
    this.chains++;
  }

  /** Fill x, t and weight with random ones of the points; the weights' mean is 1. */
  batch(x, t, weight) {
    let sum = 0;
    for (let k = 0; k < t.length; k++) {
      const j = Math.floor(this.random() * this.filled);
      x[2 * k] = this.x[2 * j];
      x[2 * k + 1] = this.x[2 * j + 1];
      t[k] = this.t[j];
      sum += weight[k] = this.weight[j];
    }
    for (let k = 0; k < t.length; k++) weight[k] *= t.length / sum;
  }
}

/** The views that octaves are counted on, here: a few chains of their own, drawn once from a fixed seed. */
export class OctaveMeter {
  constructor(random, chains = 12, octaves = 14, points = 64) {
    this.views = Array.from({ length: chains }, (_, n) => drawChain(random, octaves, points, n % 2 === 1));
    this.octaves = octaves;
  }

  /** Mean skill at every octave: max(0, 1 - MSE / variance) of a view, 0 where a view has no structure. */
  skills(predict) {
    return Array.from({ length: this.octaves }, (_, octave) => {
      let sum = 0;
      for (const chain of this.views) {
        const { x, t, variance } = chain[octave];
        if (variance === 0) continue;
        const answers = predict(x);
        let error = 0;
        for (let k = 0; k < t.length; k++) {
          const p = Number.isFinite(answers[k]) ? Math.min(1, Math.max(0, answers[k])) : 1 - Math.round(t[k]);
          error += (p - t[k]) ** 2;
        }
        sum += Math.max(0, 1 - error / t.length / variance);
      }
      return sum / this.views.length;
    });
  }
}
