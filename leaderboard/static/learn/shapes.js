// Shapes of neurons: those that can be trained, a straight line and a step.

import { ACTIVATIONS as TRAINED } from "../nn/activations.js";

export const ACTIVATIONS = {
  line: (v) => v,
  step: (v) => (v > 0 ? 1 : 0),
  ...Object.fromEntries(Object.entries(TRAINED).map(([name, { value }]) => [name, value])),
};
