// A dense network with input features, its gradients, and Adam: what /play and /learn train.
// Arithmetic is double precision; the weights file is single precision, as torch's default.

import { ACTIVATIONS } from "./activations.js";
import { makeFeatures } from "./features.js";
import { affine, inputGradient, padded, weightGradient } from "./kernels.js";

// Rows that go through all layers at a time: their activations stay in the processor's cache.
const CHUNK = 64;

/** Uniform numbers in [0, 1) from a 32-bit seed (Mulberry32). */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

class Layer {
  constructor(inputs, outputs, random, scale) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.wide = padded(inputs);
    this.tall = padded(outputs);
    for (const [name, size] of [["weight", this.tall * this.wide], ["bias", this.tall]])
      this[name] = { value: new Float64Array(size), gradient: new Float64Array(size), m: new Float64Array(size), v: new Float64Array(size) };
    // As torch initialises nn.Linear: uniform within 1 / sqrt(inputs).
    const bound = scale / Math.sqrt(inputs);
    for (let o = 0; o < outputs; o++) {
      for (let k = 0; k < inputs; k++) this.weight.value[o * this.wide + k] = bound * (2 * random() - 1);
      this.bias.value[o] = bound * (2 * random() - 1);
    }
  }
}

export class Network {
  /**
   * @param settings inputs, outputs, features ("none", "taylor", "fourier", "random"), orders, hidden (widths),
   *   activation ("gelu", "relu", "tanh", "silu", "sine"), seed.
   */
  constructor(settings) {
    const random = seeded(settings.seed ?? 1);
    this.settings = settings;
    this.features = makeFeatures(settings.features, settings.inputs, settings.orders, random);
    this.activation = ACTIVATIONS[settings.activation];
    const widths = [this.features.outputs, ...settings.hidden, settings.outputs];
    this.layers = widths.slice(1).map((outputs, n) => new Layer(widths[n], outputs, random, 1));
    this.steps = 0;
    this.featureRows = new Float64Array(CHUNK * padded(this.features.outputs));
    this.before = this.layers.map((layer) => new Float64Array(CHUNK * layer.tall));
    this.after = this.layers.map((layer) => new Float64Array(CHUNK * layer.tall));
    this.slopes = this.layers.map((layer) => new Float64Array(CHUNK * layer.tall));
  }

  /** How many numbers are learned. */
  get parameters() {
    return this.layers.reduce((sum, { inputs, outputs }) => sum + (inputs + 1) * outputs, 0);
  }

  /** Features and layers of `rows` points from x[at]; answers are left in `before` of the last layer. */
  #forward(x, at, rows) {
    const { inputs } = this.settings, { features, layers } = this;
    const filled = padded(rows), wide = layers[0].wide;
    for (let r = 0; r < rows; r++) features.write(x, (at + r) * inputs, this.featureRows, r * wide);
    this.featureRows.fill(0, rows * wide, filled * wide);
    const { value } = this.activation;
    layers.forEach((layer, n) => {
      const from = n ? this.after[n - 1] : this.featureRows;
      affine(from, layer.weight.value, layer.bias.value, this.before[n], filled, layer.wide, layer.tall);
      if (n === layers.length - 1) return;
      const before = this.before[n], after = this.after[n];
      for (let i = 0; i < filled * layer.tall; i++) after[i] = value(before[i]);
    });
    return filled;
  }

  /**
   * Answers to n points.
   * @param x (n, inputs), flat.
   * @param neurons called, where given, with (layer, first row, rows, activations, stride) of every hidden layer.
   * @returns (n, outputs), flat.
   */
  predict(x, neurons = null) {
    const { inputs, outputs } = this.settings;
    const n = x.length / inputs, answers = new Float64Array(n * outputs), stride = this.layers.at(-1).tall;
    for (let at = 0; at < n; at += CHUNK) {
      const rows = Math.min(CHUNK, n - at);
      this.#forward(x, at, rows);
      const last = this.before.at(-1);
      for (let r = 0; r < rows; r++)
        for (let o = 0; o < outputs; o++) answers[(at + r) * outputs + o] = last[r * stride + o];
      if (neurons) this.layers.slice(0, -1).forEach((layer, k) => neurons(k, at, rows, this.after[k], layer.tall));
    }
    return answers;
  }

  /**
   * The weighted mean squared error of n points; its gradient replaces those of all parameters.
   * @param x (n, inputs), flat.
   * @param t (n, outputs), flat.
   * @param weights (n), or null for equal ones. Their mean should be 1.
   */
  gradient(x, t, weights = null) {
    const { inputs, outputs } = this.settings, n = x.length / inputs, { layers } = this, last = layers.length - 1;
    for (const layer of layers) { layer.weight.gradient.fill(0); layer.bias.gradient.fill(0); }
    const { slope } = this.activation;
    let loss = 0;
    for (let at = 0; at < n; at += CHUNK) {
      const rows = Math.min(CHUNK, n - at), filled = this.#forward(x, at, rows);
      const answers = this.before[last], delta = this.slopes[last], stride = layers[last].tall;
      delta.fill(0);
      for (let r = 0; r < rows; r++) {
        const weight = weights ? weights[at + r] : 1;
        for (let o = 0; o < outputs; o++) {
          const wrong = answers[r * stride + o] - t[(at + r) * outputs + o];
          loss += weight * wrong * wrong;
          delta[r * stride + o] = (2 * weight * wrong) / (n * outputs);
        }
      }
      for (let k = last; k >= 0; k--) {
        const layer = layers[k], from = k ? this.after[k - 1] : this.featureRows;
        weightGradient(this.slopes[k], from, layer.weight.gradient, layer.bias.gradient, filled, layer.wide, layer.tall);
        if (k === 0) break;
        const below = this.slopes[k - 1], before = this.before[k - 1], after = this.after[k - 1];
        inputGradient(this.slopes[k], layer.weight.value, below, filled, layer.wide, layer.tall);
        for (let i = 0; i < filled * layer.wide; i++) below[i] *= slope(before[i], after[i]);
      }
    }
    return loss / (n * outputs);
  }

  /** One step of Adam (Kingma and Ba, 2015) with torch's defaults. */
  adam(rate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8) {
    this.steps++;
    const first = 1 - beta1 ** this.steps, second = Math.sqrt(1 - beta2 ** this.steps);
    for (const layer of this.layers)
      for (const { value, gradient, m, v } of [layer.weight, layer.bias])
        for (let i = 0; i < value.length; i++) {
          const g = gradient[i];
          m[i] = beta1 * m[i] + (1 - beta1) * g;
          v[i] = beta2 * v[i] + (1 - beta2) * g * g;
          value[i] -= (rate * m[i]) / (first * (Math.sqrt(v[i]) / second + epsilon));
        }
  }

  /** The state dict of `build(inputs, outputs)` in submissions/play/model.py: {name: {shape, data}}. */
  state() {
    const tensors = {};
    for (const [name, { data, shape }] of Object.entries(this.features.buffers))
      tensors[`0.${name}`] = { shape, data: Float32Array.from(data) };
    this.layers.forEach((layer, n) => {
      const weight = new Float32Array(layer.outputs * layer.inputs);
      for (let o = 0; o < layer.outputs; o++)
        for (let k = 0; k < layer.inputs; k++) weight[o * layer.inputs + k] = layer.weight.value[o * layer.wide + k];
      tensors[`${2 * n + 1}.weight`] = { shape: [layer.outputs, layer.inputs], data: weight };
      tensors[`${2 * n + 1}.bias`] = { shape: [layer.outputs], data: Float32Array.from(layer.bias.value.subarray(0, layer.outputs)) };
    });
    return tensors;
  }

  /** Take over what `state` gave, of a network with the same settings. */
  load(tensors) {
    for (const [name, buffer] of Object.entries(this.features.buffers)) buffer.data.set(tensors[`0.${name}`].data);
    this.layers.forEach((layer, n) => {
      const weight = tensors[`${2 * n + 1}.weight`].data;
      for (let o = 0; o < layer.outputs; o++)
        for (let k = 0; k < layer.inputs; k++) layer.weight.value[o * layer.wide + k] = weight[o * layer.inputs + k];
      layer.bias.value.set(tensors[`${2 * n + 1}.bias`].data);
    });
  }
}

/** A safetensors file of float32 tensors: eight bytes of header length, a JSON header, then the data. */
export function safetensors(tensors) {
  let end = 0;
  const header = {};
  for (const [name, { shape, data }] of Object.entries(tensors))
    header[name] = { dtype: "F32", shape, data_offsets: [end, (end += 4 * data.length)] };
  let text = JSON.stringify(header);
  text += " ".repeat((8 - (text.length % 8)) % 8);
  const file = new Uint8Array(8 + text.length + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(new TextEncoder().encode(text), 8);
  for (const [name, { data }] of Object.entries(tensors))
    file.set(new Uint8Array(data.buffer, data.byteOffset, 4 * data.length), 8 + text.length + header[name].data_offsets[0]);
  return file;
}
