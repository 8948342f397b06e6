// Sharper pictures of the view that somebody looks at: put together from the explorer's tiles when the page is idle.
import { Palettes, paintError, paintValues, scaleOf } from "./explorer-colours.js";
import { Model, SIDE, Truth } from "./explorer-feed.js";

// Tiles of the next octave: 512 pixels across the view.
const FINER = 1;
const PIXELS = SIDE * 2 ** FINER;
const IDLE = 700;
const PATIENCE = 20_000;

export class Sharpener {
  // `tiles` says where tiles and colours are; `put(layer, canvas, asked)` takes what is ready.
  constructor(tiles, put) {
    this.tiles = tiles;
    this.put = put;
    this.truth = new Truth(tiles.truth);
    this.models = Object.fromEntries(Object.entries(tiles.models).map(([key, { model, wishes }]) => [key, new Model(model, wishes, () => {})]));
    this.timer = 0;
    this.cancel = () => {};
  }

  // `asked` is { place, octave, colours, layers }; what was asked for before is given up.
  ask(asked) {
    this.stop();
    this.timer = setTimeout(() => this.draw(asked), IDLE);
  }

  stop() {
    clearTimeout(this.timer);
    this.cancel();
  }

  async draw(asked) {
    this.palettes ||= new Palettes(await (await fetch(this.tiles.colours)).json());
    const wanted = tilesOf(asked.place.centre, asked.octave + FINER);
    const parts = [];
    const get = (feed) =>
      Promise.all(
        wanted.map(({ name }) => {
          const part = feed.get(name);
          parts.push(part);
          return part.promise;
        }),
      );
    this.cancel = () => parts.forEach(({ cancel }) => cancel());
    setTimeout(this.cancel, PATIENCE);
    try {
      const truths = await get(this.truth);
      const scale = scaleOf(truths);
      const colours = this.palettes.maps.get(asked.colours);
      for (const layer of asked.layers) {
        const model = layer.key === "error" ? "model" : layer.key;
        if (layer.key !== "truth" && !this.models[model]) continue;
        const tiles = layer.key === "truth" ? truths : await get(this.models[model]);
        const canvas = compose(wanted, (pen, k) =>
          layer.key === "error" ? paintError(pen, truths[k], tiles[k], scale, this.palettes) : paintValues(pen, tiles[k], scale, colours, this.palettes),
        );
        this.put(layer, canvas, asked);
      }
    } catch {
      // No worker draws tiles, or the reader has gone on: the pictures that are there stay.
    }
  }
}

// The tiles that a view of the octave before covers, each with where it lies in the view's pixels.
function tilesOf([re, im], octave) {
  const size = SIDE * 2 ** octave;
  const left = Math.round(((re + 2.75) / 4) * size - PIXELS / 2);
  const top = Math.round(((2 - im) / 4) * size - PIXELS / 2);
  const found = [];
  const last = 2 ** octave - 1;
  for (let y = Math.floor(top / SIDE); y * SIDE < top + PIXELS; y++)
    for (let x = Math.floor(left / SIDE); x * SIDE < left + PIXELS; x++)
      if (x >= 0 && y >= 0 && x <= last && y <= last) found.push({ name: `${octave}/${x}/${y}`, left: x * SIDE - left, top: y * SIDE - top });
  return found;
}

function compose(wanted, paint) {
  const [whole, one] = [document.createElement("canvas"), document.createElement("canvas")];
  whole.width = whole.height = PIXELS;
  one.width = one.height = SIDE;
  wanted.forEach(({ left, top }, k) => {
    paint(one.getContext("2d"), k);
    whole.getContext("2d").drawImage(one, left, top);
  });
  return whole;
}
