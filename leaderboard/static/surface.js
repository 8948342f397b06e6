// Turns a fitted surface: the server's picture is replaced by a canvas as soon as somebody takes hold of it.
// The geometry and the shading are those of leaderboard/charts/surface.py.
const SHADES = 10;
const START = { azimuth: (-38 * Math.PI) / 180, elevation: (24 * Math.PI) / 180 };
const LIGHT = normal([-0.45, 0.65, 0.6]);
const STEP = Math.PI / 24;

export function surface(box) {
  const svg = box.querySelector("svg");
  const view = { ...START };
  let shape = null;
  let canvas = null;
  let asked = null;
  svg.setAttribute("tabindex", "0");
  svg.setAttribute("aria-label", `${svg.getAttribute("aria-label")}. Arrow keys turn it.`);

  async function fetched() {
    const answer = await fetch(box.dataset.surface);
    if (!answer.ok) throw new Error("no surface");
    return answer.json();
  }

  async function begin() {
    asked ||= fetched().catch(() => null);
    shape = await asked;
    if (!shape || canvas) return;
    canvas = document.createElement("canvas");
    for (const name of ["role", "aria-label", "tabindex"]) canvas.setAttribute(name, svg.getAttribute(name));
    const colours = colouring(svg);
    const held = document.activeElement === svg;
    const side = svg.getBoundingClientRect().width;
    canvas.width = canvas.height = Math.round(side * devicePixelRatio);
    canvas.draw = () => paint(canvas, shape, view, colours);
    svg.replaceWith(canvas);
    listen(canvas);
    if (held) canvas.focus();
    canvas.draw();
  }

  function turn(right, up) {
    view.azimuth += right;
    view.elevation = Math.max(-Math.PI / 2, Math.min(Math.PI / 2, view.elevation + up));
    canvas?.draw();
  }

  function listen(element) {
    let from = null;
    element.addEventListener("pointerdown", (event) => {
      from = [event.clientX, event.clientY];
      element.setPointerCapture?.(event.pointerId);
      event.preventDefault();
    });
    element.addEventListener("pointermove", (event) => {
      if (!from) return;
      turn((event.clientX - from[0]) * 0.01, (event.clientY - from[1]) * 0.01);
      from = [event.clientX, event.clientY];
    });
    for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, () => (from = null));
    element.addEventListener("keydown", key);
  }

  async function key(event) {
    const by = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    await begin();
    turn(...by);
  }

  // Near it is soon enough: the data are there before the drag begins.
  svg.addEventListener("pointerenter", begin);
  svg.addEventListener("touchstart", begin, { passive: true });
  svg.addEventListener("keydown", key);
}

function colouring(svg) {
  const of = (name, property) => {
    const probe = document.createElementNS("http://www.w3.org/2000/svg", "path");
    probe.setAttribute("class", name);
    svg.append(probe);
    const found = getComputedStyle(probe)[property];
    probe.remove();
    return found;
  };
  const faces = Array.from({ length: SHADES }, (_, k) => of(`f${k}`, "fill"));
  return { faces, edge: of("f0", "stroke"), point: of("pt", "stroke") };
}

function paint(canvas, { known, grid }, { azimuth, elevation }, colours) {
  const [ca, sa, ce, se] = [Math.cos(azimuth), Math.sin(azimuth), Math.cos(elevation), Math.sin(elevation)];
  const see = ([x, y, z]) => [ca * x - sa * y, -sa * se * x - ca * se * y + ce * z, sa * ce * x + ca * ce * y + se * z];
  const half = canvas.width / 2;
  const place = (p) => [half + p[0] * half * 0.94, half - p[1] * half * 0.94];
  const corners = grid.map((row) => row.map(see));
  const parts = [];
  for (let i = 0; i + 1 < corners.length; i++)
    for (let j = 0; j + 1 < corners[i].length; j++) {
      const face = [corners[i][j], corners[i][j + 1], corners[i + 1][j + 1], corners[i + 1][j]];
      parts.push({ depth: (face[0][2] + face[1][2] + face[2][2] + face[3][2]) / 4, face });
    }
  for (const point of known.map(see)) parts.push({ depth: point[2] + 0.06, point });
  parts.sort((a, b) => a.depth - b.depth);
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.lineWidth = 0.7 * devicePixelRatio;
  pen.strokeStyle = colours.edge;
  for (const { depth, face, point } of parts) {
    pen.beginPath();
    if (point) {
      const [x, y] = place(point);
      pen.arc(x, y, 1.4 * devicePixelRatio, 0, 2 * Math.PI);
      pen.fillStyle = colours.point;
      pen.fill();
      continue;
    }
    face.map(place).forEach(([x, y], k) => (k ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.closePath();
    pen.fillStyle = colours.faces[shade(face, depth)];
    pen.fill();
    pen.stroke();
  }
}

function shade(face, depth) {
  const n = normal(cross(minus(face[2], face[0]), minus(face[3], face[1])));
  const light = Math.abs(n[0] * LIGHT[0] + n[1] * LIGHT[1] + n[2] * LIGHT[2]);
  const near = Math.max(0, Math.min(1, (depth + 1) / 2));
  return Math.max(0, Math.min(SHADES - 1, Math.floor((0.6 * light + 0.4 * near) * SHADES)));
}

function minus(a, b) {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

function cross(a, b) {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function normal(a) {
  const length = Math.hypot(...a) || 1;
  return a.map((v) => v / length);
}
