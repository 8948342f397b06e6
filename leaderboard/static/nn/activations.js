// Activation functions: value(x), and slope(x, y) with y = value(x). As torch defines them.

const SQRT_HALF = Math.SQRT1_2;
const DENSITY = 1 / Math.sqrt(2 * Math.PI);

/** The error function, by Abramowitz and Stegun 7.1.26: wrong by at most 1.5e-7. */
export function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const y = 1 - tail * Math.exp(-x * x);
  return x < 0 ? -y : y;
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

export const ACTIVATIONS = {
  gelu: {
    value: (x) => 0.5 * x * (1 + erf(x * SQRT_HALF)),
    slope: (x, y) => (Math.abs(x) < 1e-6 ? 0.5 : y / x) + x * DENSITY * Math.exp(-0.5 * x * x),
  },
  relu: { value: (x) => (x > 0 ? x : 0), slope: (x) => (x > 0 ? 1 : 0) },
  tanh: { value: Math.tanh, slope: (_x, y) => 1 - y * y },
  silu: {
    value: (x) => x * sigmoid(x),
    slope: (x, y) => {
      const s = sigmoid(x);
      return s + y * (1 - s);
    },
  },
  sine: { value: Math.sin, slope: Math.cos },
};
