// Input features, with the names and the order of columns that submissions/play/model.py uses.

/** Orders per axis for `inputs` inputs: fewer with the square of the dimension, at least one. */
export const fourierOrders = (orders, inputs) => Math.max(1, Math.min(orders, Math.floor((4 * orders) / inputs ** 2)));

/** Standard normal numbers from a uniform generator (Box and Muller). */
export const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** The inputs alone. */
class Inputs {
  constructor(inputs) {
    this.inputs = this.outputs = inputs;
    this.buffers = {};
  }

  write(x, at, y, to) {
    for (let k = 0; k < this.inputs; k++) y[to + k] = x[at + k];
  }
}

/** Monomials of total degree 1 to `orders`, in the order of itertools.combinations_with_replacement. */
class Taylor {
  constructor(inputs, orders) {
    this.inputs = inputs;
    this.buffers = {};
    this.parents = [];
    this.factors = [];
    let last = [[[], -1]];
    for (let degree = 1; degree <= orders; degree++) {
      const next = [];
      for (const [chosen, place] of last)
        for (let k = chosen.at(-1) ?? 0; k < inputs; k++) {
          next.push([[...chosen, k], this.parents.length]);
          this.parents.push(place);
          this.factors.push(k);
        }
      last = next;
    }
    this.outputs = this.parents.length;
  }

  write(x, at, y, to) {
    const { parents, factors, outputs } = this;
    for (let j = 0; j < outputs; j++) {
      const factor = x[at + factors[j]];
      y[to + j] = parents[j] < 0 ? factor : y[to + parents[j]] * factor;
    }
  }
}

/** The inputs, then cos(pi k x) and sin(pi k x) of k = 1 .. orders for every axis. */
class Fourier {
  constructor(inputs, orders) {
    this.inputs = inputs;
    this.orders = fourierOrders(orders, inputs);
    this.outputs = inputs * (1 + 2 * this.orders);
    this.buffers = {};
  }

  write(x, at, y, to) {
    const { inputs, orders } = this;
    for (let k = 0; k < inputs; k++) {
      y[to + k] = x[at + k];
      const cos = Math.cos(Math.PI * x[at + k]), sin = Math.sin(Math.PI * x[at + k]);
      let c = cos, s = sin;
      const first = to + inputs + k * orders, second = first + inputs * orders;
      for (let j = 0; j < orders; j++) {
        y[first + j] = c;
        y[second + j] = s;
        const turned = c * cos - s * sin;
        s = s * cos + c * sin;
        c = turned;
      }
    }
  }
}

/** The inputs, then cosine and sine of `orders` waves in random directions, of random lengths. */
class RandomFourier {
  constructor(inputs, orders, random) {
    this.inputs = inputs;
    this.orders = orders;
    this.outputs = inputs + 2 * orders;
    const frequencies = new Float64Array(orders * inputs);
    for (let j = 0; j < orders; j++) {
      const direction = Array.from({ length: inputs }, () => normal(random));
      const norm = Math.hypot(...direction);
      const waves = inputs <= 3 ? 2 ** (-1 + 6.5 * random()) : random() / Math.sqrt(inputs);
      // What the weights file holds: single precision.
      direction.forEach((d, k) => { frequencies[j * inputs + k] = Math.fround((2 * Math.PI * waves * d) / norm); });
    }
    this.buffers = { frequencies: { data: frequencies, shape: [orders, inputs] } };
  }

  write(x, at, y, to) {
    const { inputs, orders } = this;
    const frequencies = this.buffers.frequencies.data;
    for (let k = 0; k < inputs; k++) y[to + k] = x[at + k];
    for (let j = 0; j < orders; j++) {
      let angle = 0;
      for (let k = 0; k < inputs; k++) angle += frequencies[j * inputs + k] * x[at + k];
      y[to + inputs + j] = Math.cos(angle);
      y[to + inputs + orders + j] = Math.sin(angle);
    }
  }
}

const KINDS = { none: Inputs, taylor: Taylor, fourier: Fourier, random: RandomFourier };

/**
 * A feature map: `write(x, at, y, to)` writes the `outputs` features of the point that starts at x[at] to y[to].
 * @param kind one of none, taylor, fourier, random.
 */
export const makeFeatures = (kind, inputs, orders, random) => new KINDS[kind](inputs, orders, random);
