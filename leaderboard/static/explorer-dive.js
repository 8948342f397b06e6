// Diving by itself: octave after octave towards where there is most to see, not far from the middle.
import { INSIDE, SIDE, valueOf } from "./explorer-feed.js";

const CELL = 32;
const STEP = 4;
const PAUSE = 900;
const PATIENCE = 6000;

// The restless cells of the tiles in sight: { x, y } in pixels of the octave, and how much goes on there.
function* cells(entries) {
  for (const { coords, data } of entries) {
    if (!data) continue;
    for (let top = 0; top < SIDE; top += CELL)
      for (let left = 0; left < SIDE; left += CELL) {
        let [count, sum, squares] = [0, 0, 0];
        let outside = 0;
        for (let y = top; y < top + CELL; y += STEP)
          for (let x = left; x < left + CELL; x += STEP) {
            const code = data.codes[y * SIDE + x];
            const less = valueOf(data, code) - 1;
            outside += code !== INSIDE;
            count += 1;
            sum += less;
            squares += less * less;
          }
        // Half of it inside is a shore of something large and dull.
        const deviation = Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2)) * (outside > 0.6 * count);
        yield { x: coords.x * SIDE + left + CELL / 2, y: coords.y * SIDE + top + CELL / 2, deviation };
      }
  }
}

export class Dive {
  constructor(map, layer, told) {
    Object.assign(this, { map, layer, told, timer: 0 });
  }

  get going() {
    return this.timer !== 0;
  }

  start() {
    this.waited = 0;
    this.told(true);
    this.timer = setTimeout(() => this.step(), 50);
  }

  stop() {
    if (!this.going) return;
    clearTimeout(this.timer);
    this.timer = 0;
    this.told(false);
  }

  step() {
    const entries = this.layer.inSight();
    const loading = !entries.length || entries.some(({ data }) => !data);
    if (loading && this.waited < PATIENCE) {
      this.waited += 150;
      this.timer = setTimeout(() => this.step(), 150);
      return;
    }
    this.waited = 0;
    const { map } = this;
    const zoom = map.getZoom();
    const middle = map.project(map.getCenter(), zoom);
    const reach = Math.min(map.getSize().x, map.getSize().y) / 3;
    let best = null;
    for (const cell of cells(entries)) {
      const far = Math.hypot(cell.x - middle.x, cell.y - middle.y) / reach;
      // A little chance, so that no two dives are the same.
      const worth = cell.deviation * Math.exp(-far * far) * (0.6 + 0.4 * Math.random());
      if (!best || worth > best.worth) best = { ...cell, worth };
    }
    if (zoom >= map.getMaxZoom() || !best || best.worth < 1e-7) return this.stop();
    map.setView(map.unproject([best.x, best.y], zoom), zoom + 1, { animate: true });
    this.timer = setTimeout(() => this.step(), PAUSE);
  }
}
