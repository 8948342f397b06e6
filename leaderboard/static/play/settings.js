// The choices of the page, as they stand in its address: ?data=set&a=fourier-32-64x64-gelu-0.004&seconds=120&...

export const FEATURES = { none: "none", taylor: "Taylor", fourier: "Fourier, per axis", random: "random Fourier" };
export const ACTIVATIONS = { gelu: "GELU", relu: "ReLU", tanh: "tanh", silu: "SiLU", sine: "sine" };
export const DATA = ["set", "curve", "picture", "sphere", "shell"];
export const ORDERS = { none: [1, 1], taylor: [1, 16], fourier: [1, 64], random: [4, 128] };
export const WIDTHS = [8, 16, 32, 48, 64, 96, 128];
export const RATES = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.03];
export const SECONDS = [30, 60, 120, 300, 0];
export const MOST_LAYERS = 4;

const FIRST = { features: "fourier", orders: 32, hidden: [64, 64], activation: "gelu", rate: 0.004 };
const SECOND = { ...FIRST, features: "none", orders: 1 };

const nearest = (values, value) => values.reduce((best, v) => (Math.abs(v - value) < Math.abs(best - value) ? v : best));
const clamp = (value, [low, high]) => Math.min(high, Math.max(low, Math.round(value)));

function parseModel(text, standard) {
  const [features, orders, hidden, activation, rate] = (text ?? "").split("-");
  if (!(features in FEATURES) || !(activation in ACTIVATIONS)) return { ...standard };
  const widths = hidden ? hidden.split("x").slice(0, MOST_LAYERS).map((w) => nearest(WIDTHS, Number(w) || 64)) : [];
  return {
    features, activation, hidden: widths,
    orders: clamp(Number(orders) || 1, ORDERS[features]),
    rate: nearest(RATES, Number(rate) || standard.rate),
  };
}

const writeModel = (m) => [m.features, m.orders, m.hidden.join("x"), m.activation, m.rate].join("-");

/** Settings from an address; whatever is missing or strange takes its usual value. */
export function read(search) {
  const query = new URLSearchParams(search);
  const number = (name, usual, range) => (query.has(name) ? clamp(Number(query.get(name)) || 0, range) : usual);
  return {
    data: DATA.includes(query.get("data")) ? query.get("data") : "set",
    a: parseModel(query.get("a"), FIRST),
    b: query.has("b") ? parseModel(query.get("b"), SECOND) : null,
    seconds: nearest(SECONDS, number("seconds", 120, [0, 300])),
    deepest: number("deepest", 9, [0, 12]),
    seed: number("seed", 1, [1, 9999]),
  };
}

export function write({ data, a, b, seconds, deepest, seed }) {
  const query = new URLSearchParams({ data, a: writeModel(a), seconds, deepest, seed });
  if (b) query.set("b", writeModel(b));
  return `?${query}`;
}

export const second = () => structuredClone(SECOND);
