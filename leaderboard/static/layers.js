// Paints one kind of picture of a place for a camera between octaves: the picture of its octave, the next one
// fading in at its middle, and coarser ones around it where the reader has moved away from the middle.
const AROUND = 3;

export class Pictures {
  constructor(redraw) {
    this.redraw = redraw;
    this.held = new Map();
  }

  get(url, wanted = true) {
    let entry = this.held.get(url);
    if (!entry && wanted) {
      const image = new Image();
      entry = { image, ready: false };
      this.held.set(url, entry);
      image.onload = () => {
        entry.ready = true;
        this.redraw();
      };
      image.src = url;
    }
    return entry?.ready ? entry.image : null;
  }

  // A sharper picture in the place of one.
  put(url, image) {
    this.held.set(url, { image, ready: true });
    this.redraw();
  }
}

export function address(layer, slug, octave, colour, plain) {
  const url = layer.url
    .replace("{place}", slug)
    .replace("{octave}", octave)
    .replace("{two}", String(octave).padStart(2, "0"));
  return layer.recolour && colour !== plain ? `${url}?colours=${colour}` : url;
}

// `camera` is { z, x, y }: octaves, and how far the middle of the screen lies from the place, in screens.
export function paint(pen, side, camera, place, source, pictures) {
  const first = place.octaves[0];
  const last = place.octaves.at(-1);
  const base = Math.max(first, Math.min(last, Math.floor(camera.z + 1e-6)));
  const half = Math.max(Math.abs(camera.x), Math.abs(camera.y)) + 0.5;
  pen.fillStyle = "#08060e";
  pen.fillRect(0, 0, side, side);
  for (let k = Math.max(first, base - AROUND); k <= Math.min(last, base + 1); k++) {
    const reach = 2 ** (camera.z - k) / 2;
    // Finer pictures cover this one, so it is drawn where it is there, and not asked for.
    const covered = k < base && 2 ** (camera.z - k - 1) / 2 >= half;
    const alpha = k <= base ? 1 : smooth(camera.z - base);
    if (alpha <= 0) continue;
    const image = pictures.get(source(k), !covered);
    if (!image) continue;
    pen.globalAlpha = alpha;
    const left = (0.5 - camera.x - reach) * side;
    const top = (0.5 - camera.y - reach) * side;
    pen.drawImage(image, left, top, 2 * reach * side, 2 * reach * side);
  }
  pen.globalAlpha = 1;
}

function smooth(share) {
  const s = Math.max(0, Math.min(1, share));
  return s * s * (3 - 2 * s);
}
