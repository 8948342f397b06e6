// Frames as pictures: values of the set in the site's colours, colour pictures, curves, and surfaces in space.

const FADE = 64;

/** 256 colours and the fade to the inside of the set, from the server's list of colours. */
export async function loadPalette(url) {
  const { maps, inside } = await (await fetch(url)).json();
  const bytes = (digits) => Uint8Array.from(digits.match(/../g), (pair) => parseInt(pair, 16));
  const colours = bytes(Object.values(maps)[0]), dark = bytes(inside);
  const found = new Uint8ClampedArray(3 * (256 + FADE + 1));
  found.set(colours);
  for (let k = 0; k <= FADE; k++)
    for (let i = 0; i < 3; i++) found[3 * (256 + k) + i] = colours[765 + i] * (1 - k / FADE) + dark[i] * (k / FADE);
  return found;
}

/** The range of colours that suits values of the target: the middle 98 % of those outside the set. */
export function rangeOf(values) {
  const outside = values.filter((v) => v < 1).sort();
  if (!outside.length) return [0, 1];
  const low = outside[Math.floor(0.01 * (outside.length - 1))], high = outside[Math.floor(0.99 * (outside.length - 1))];
  return [low, Math.max(high, low + 1e-9)];
}

/** Draw n * n values (one channel) or colours (three) into a canvas of that many pixels. */
export function paintImage(canvas, values, palette, [low, high]) {
  const channels = values.length % 3 === 0 && Number.isInteger(Math.sqrt(values.length / 3)) ? 3 : 1;
  const side = Math.round(Math.sqrt(values.length / channels));
  if (canvas.width !== side || canvas.height !== side) canvas.width = canvas.height = side;
  const pen = canvas.getContext("2d"), image = pen.createImageData(side, side), { data } = image;
  for (let k = 0; k < side * side; k++) {
    data[4 * k + 3] = 255;
    if (channels === 3) {
      for (let i = 0; i < 3; i++) data[4 * k + i] = 255 * values[3 * k + i];
      continue;
    }
    const v = values[k];
    const place = v <= high
      ? Math.round(255 * Math.min(1, Math.max(0, (v - low) / (high - low))))
      : 256 + Math.round(FADE * Math.min(1, (v - high) / Math.max(1e-9, 1 - high)));
    for (let i = 0; i < 3; i++) data[4 * k + i] = palette[3 * place + i];
  }
  pen.putImageData(image, 0, 0);
}

function sized(canvas, ratio) {
  const width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio)), height = Math.round(width * ratio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  return canvas.getContext("2d");
}

export const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** A curve over its truth. */
export function paintCurve(canvas, values, truth) {
  const pen = sized(canvas, 1), { width, height } = canvas;
  pen.clearRect(0, 0, width, height);
  const line = (points, colour, thick) => {
    pen.beginPath();
    points.forEach((v, k) => pen[k ? "lineTo" : "moveTo"]((k / (points.length - 1)) * width, height * (0.95 - 0.9 * v)));
    Object.assign(pen, { strokeStyle: colour, lineWidth: thick * devicePixelRatio, lineJoin: "round" });
    pen.stroke();
  };
  line(Array.from(truth), ink("line"), 5);
  if (values) line(Array.from(values), ink("ember"), 2);
}

/** Points (rows, columns, 3) of a surface as a lit mesh, turned by `turn` = [azimuth, elevation]. */
export function paintSurface(canvas, values, [azimuth, elevation]) {
  const pen = sized(canvas, 1), { width, height } = canvas, n = Math.round(Math.sqrt(values.length / 3));
  const [ca, sa, ce, se] = [Math.cos(azimuth), Math.sin(azimuth), Math.cos(elevation), Math.sin(elevation)];
  const seen = Array.from({ length: n * n }, (_, k) => {
    const [x, y, z] = [0, 1, 2].map((i) => (values[3 * k + i] - 0.5) * 2);
    return [ca * x - sa * y, ce * z - se * (sa * x + ca * y), ce * (sa * x + ca * y) + se * z];
  });
  const faces = [];
  for (let i = 0; i + 1 < n; i++)
    for (let j = 0; j + 1 < n; j++) {
      const corners = [seen[i * n + j], seen[i * n + j + 1], seen[(i + 1) * n + j + 1], seen[(i + 1) * n + j]];
      const [a, b] = [corners[2].map((v, k) => v - corners[0][k]), corners[3].map((v, k) => v - corners[1][k])];
      const across = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
      const light = Math.abs(0.45 * across[0] - 0.65 * across[1] - 0.6 * across[2]) / (Math.hypot(...across) || 1);
      faces.push({ corners, depth: corners.reduce((s, c) => s + c[2], 0), light });
    }
  faces.sort((a, b) => a.depth - b.depth);
  pen.clearRect(0, 0, width, height);
  pen.lineWidth = 0.6 * devicePixelRatio;
  for (const { corners, depth, light } of faces) {
    const bright = Math.round(24 + 38 * Math.min(1, light) + 4 * depth);
    pen.fillStyle = `hsl(258 45% ${bright}%)`;
    pen.strokeStyle = `hsl(258 40% ${Math.max(8, bright - 16)}%)`;
    pen.beginPath();
    corners.forEach(([x, y], k) => pen[k ? "lineTo" : "moveTo"](width * (0.5 + 0.46 * x), height * (0.5 - 0.46 * y)));
    pen.closePath();
    pen.fill();
    pen.stroke();
  }
}

/** What neurons answer over the square: a row of small pictures, each in its own range. */
export function paintNeurons(canvas, { shown, values }) {
  const side = Math.round(Math.sqrt(values.length / shown)), gap = 2;
  canvas.width = shown * (side + gap) - gap;
  canvas.height = side;
  const pen = canvas.getContext("2d");
  for (let n = 0; n < shown; n++) {
    const part = values.subarray(n * side * side, (n + 1) * side * side);
    let low = Infinity, high = -Infinity;
    for (const v of part) { low = Math.min(low, v); high = Math.max(high, v); }
    const image = pen.createImageData(side, side);
    part.forEach((v, k) => {
      const share = high > low ? (v - low) / (high - low) : 0;
      image.data.set([20 + 220 * share, 14 + 150 * share, 32 + 100 * share * (2 - share), 255], 4 * k);
    });
    pen.putImageData(image, n * (side + gap), 0);
  }
}

/** The loss of each run against seconds, both on logarithmic axes. */
export function paintLosses(canvas, runs) {
  const pen = sized(canvas, 0.34), { width, height } = canvas;
  pen.clearRect(0, 0, width, height);
  const all = runs.flatMap(({ points }) => points).filter(([s, l]) => s > 0 && l > 0);
  if (all.length < 2) return;
  const logs = (k) => all.map((p) => Math.log10(p[k]));
  const [left, right] = [Math.min(...logs(0)), Math.max(...logs(0)) + 1e-9];
  const [low, high] = [Math.floor(Math.min(...logs(1)) * 4) / 4, Math.max(...logs(1))];
  const size = 11 * devicePixelRatio, margin = 4.2 * size;
  const x = (s) => margin + ((Math.log10(s) - left) / (right - left)) * (width - margin - size);
  const y = (l) => size + ((high - Math.log10(l)) / (high - low || 1)) * (height - 3 * size);
  pen.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  pen.fillStyle = ink("soft");
  pen.strokeStyle = ink("line");
  pen.textAlign = "right";
  for (let power = Math.ceil(low * 2) / 2; power <= high; power += 0.5) {
    pen.fillText((10 ** power).toPrecision(1), margin - size / 2, y(10 ** power) + size / 3);
    pen.beginPath(); pen.moveTo(margin, y(10 ** power)); pen.lineTo(width, y(10 ** power)); pen.stroke();
  }
  pen.textAlign = "center";
  for (const second of [0.1, 1, 10, 60, 300]) if (Math.log10(second) >= left && Math.log10(second) <= right) pen.fillText(`${second} s`, x(second), height - size / 2);
  for (const { points, colour } of runs) {
    pen.beginPath();
    points.filter(([s, l]) => s > 0 && l > 0).forEach(([s, l], k) => pen[k ? "lineTo" : "moveTo"](x(s), y(l)));
    Object.assign(pen, { strokeStyle: ink(colour), lineWidth: 2 * devicePixelRatio });
    pen.stroke();
  }
}
