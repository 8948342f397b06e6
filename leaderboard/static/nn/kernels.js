// Matrix products on row-major Float64Arrays, in blocks of four by four that stay in registers.
// Every dimension is a multiple of four: callers pad with zeros, so no kernel has a remainder loop.

export const BLOCK = 4;

/** The next multiple of four. */
export const padded = (n) => Math.ceil(n / BLOCK) * BLOCK;

/**
 * y = x w^T + b, with x (rows, inputs), w (outputs, inputs), b (outputs) and y (rows, outputs).
 */
export function affine(x, w, b, y, rows, inputs, outputs) {
  for (let r = 0; r < rows; r += 4) {
    const x0 = r * inputs, x1 = x0 + inputs, x2 = x1 + inputs, x3 = x2 + inputs;
    for (let o = 0; o < outputs; o += 4) {
      const w0 = o * inputs, w1 = w0 + inputs, w2 = w1 + inputs, w3 = w2 + inputs;
      const b0 = b[o], b1 = b[o + 1], b2 = b[o + 2], b3 = b[o + 3];
      let s00 = b0, s01 = b1, s02 = b2, s03 = b3, s10 = b0, s11 = b1, s12 = b2, s13 = b3;
      let s20 = b0, s21 = b1, s22 = b2, s23 = b3, s30 = b0, s31 = b1, s32 = b2, s33 = b3;
      for (let k = 0; k < inputs; k++) {
        const p = w[w0 + k], q = w[w1 + k], u = w[w2 + k], v = w[w3 + k];
        const a = x[x0 + k], c = x[x1 + k], d = x[x2 + k], e = x[x3 + k];
        s00 += a * p; s01 += a * q; s02 += a * u; s03 += a * v;
        s10 += c * p; s11 += c * q; s12 += c * u; s13 += c * v;
        s20 += d * p; s21 += d * q; s22 += d * u; s23 += d * v;
        s30 += e * p; s31 += e * q; s32 += e * u; s33 += e * v;
      }
      const y0 = r * outputs + o, y1 = y0 + outputs, y2 = y1 + outputs, y3 = y2 + outputs;
      y[y0] = s00; y[y0 + 1] = s01; y[y0 + 2] = s02; y[y0 + 3] = s03;
      y[y1] = s10; y[y1 + 1] = s11; y[y1 + 2] = s12; y[y1 + 3] = s13;
      y[y2] = s20; y[y2 + 1] = s21; y[y2 + 2] = s22; y[y2 + 3] = s23;
      y[y3] = s30; y[y3 + 1] = s31; y[y3 + 2] = s32; y[y3 + 3] = s33;
    }
  }
}

/** dx = dy w, with dy (rows, outputs), w (outputs, inputs) and dx (rows, inputs). */
export function inputGradient(dy, w, dx, rows, inputs, outputs) {
  for (let r = 0; r < rows; r += 4) {
    const d0 = r * outputs, d1 = d0 + outputs, d2 = d1 + outputs, d3 = d2 + outputs;
    for (let k = 0; k < inputs; k += 4) {
      let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
      let s20 = 0, s21 = 0, s22 = 0, s23 = 0, s30 = 0, s31 = 0, s32 = 0, s33 = 0;
      for (let o = 0, at = k; o < outputs; o++, at += inputs) {
        const p = w[at], q = w[at + 1], u = w[at + 2], v = w[at + 3];
        const a = dy[d0 + o], c = dy[d1 + o], d = dy[d2 + o], e = dy[d3 + o];
        s00 += a * p; s01 += a * q; s02 += a * u; s03 += a * v;
        s10 += c * p; s11 += c * q; s12 += c * u; s13 += c * v;
        s20 += d * p; s21 += d * q; s22 += d * u; s23 += d * v;
        s30 += e * p; s31 += e * q; s32 += e * u; s33 += e * v;
      }
      const y0 = r * inputs + k, y1 = y0 + inputs, y2 = y1 + inputs, y3 = y2 + inputs;
      dx[y0] = s00; dx[y0 + 1] = s01; dx[y0 + 2] = s02; dx[y0 + 3] = s03;
      dx[y1] = s10; dx[y1 + 1] = s11; dx[y1 + 2] = s12; dx[y1 + 3] = s13;
      dx[y2] = s20; dx[y2 + 1] = s21; dx[y2 + 2] = s22; dx[y2 + 3] = s23;
      dx[y3] = s30; dx[y3 + 1] = s31; dx[y3 + 2] = s32; dx[y3 + 3] = s33;
    }
  }
}

/** dw += dy^T x and db += sum of dy over rows, with dy (rows, outputs), x (rows, inputs), dw (outputs, inputs). */
export function weightGradient(dy, x, dw, db, rows, inputs, outputs) {
  for (let o = 0; o < outputs; o += 4) {
    for (let k = 0; k < inputs; k += 4) {
      let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
      let s20 = 0, s21 = 0, s22 = 0, s23 = 0, s30 = 0, s31 = 0, s32 = 0, s33 = 0;
      for (let r = 0, i = o, j = k; r < rows; r++, i += outputs, j += inputs) {
        const a = dy[i], c = dy[i + 1], d = dy[i + 2], e = dy[i + 3];
        const p = x[j], q = x[j + 1], u = x[j + 2], v = x[j + 3];
        s00 += a * p; s01 += a * q; s02 += a * u; s03 += a * v;
        s10 += c * p; s11 += c * q; s12 += c * u; s13 += c * v;
        s20 += d * p; s21 += d * q; s22 += d * u; s23 += d * v;
        s30 += e * p; s31 += e * q; s32 += e * u; s33 += e * v;
      }
      const y0 = o * inputs + k, y1 = y0 + inputs, y2 = y1 + inputs, y3 = y2 + inputs;
      dw[y0] += s00; dw[y0 + 1] += s01; dw[y0 + 2] += s02; dw[y0 + 3] += s03;
      dw[y1] += s10; dw[y1 + 1] += s11; dw[y1 + 2] += s12; dw[y1 + 3] += s13;
      dw[y2] += s20; dw[y2 + 1] += s21; dw[y2 + 2] += s22; dw[y2 + 3] += s23;
      dw[y3] += s30; dw[y3 + 1] += s31; dw[y3 + 2] += s32; dw[y3 + 3] += s33;
    }
    for (let r = 0, i = o; r < rows; r++, i += outputs) {
      db[o] += dy[i]; db[o + 1] += dy[i + 1]; db[o + 2] += dy[i + 2]; db[o + 3] += dy[i + 3];
    }
  }
}
