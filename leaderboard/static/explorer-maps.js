// Leaflet on the complex plane: a map's zoom is the octave, its longitude and latitude are Re c and Im c;
// below octave 36, those of a part of the plane (explorer-plane.js).
import { SIDE } from "./explorer-feed.js";

const L = window.L;
const BASE = L.latLngBounds([-2, -2.75], [2, 1.25]);

// 256 pixels are the base window at octave 0; everything here is a power of two, and exact.
const PLANE = L.extend({}, L.CRS.Simple, { transformation: new L.Transformation(64, 176, -64, 128) });

export function makeMap(element, deepest) {
  const map = L.map(element, {
    crs: PLANE,
    minZoom: 0,
    maxZoom: deepest,
    maxBounds: BASE.pad(0.35),
    maxBoundsViscosity: 0.8,
    attributionControl: false,
    zoomControl: false,
    // The page handles keys, for both maps.
    keyboard: false,
    wheelPxPerZoomLevel: 110,
    wheelDebounceTime: 30,
    bounceAtZoomLimits: false,
    fadeAnimation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
  });
  map.getContainer().tabIndex = 0;
  map.middle = () => map.getCenter();
  map.range = () => [map.getMinZoom(), map.getMaxZoom()];
  map.reach = (zoom) => map.setZoom(zoom, { animate: false });
  map.on("zoomend", () => {
    const { aim } = map;
    map.aim = undefined;
    if (aim !== undefined && aim !== map.getZoom()) map.reach(aim);
  });
  // Positions between pixels would show as seams between tiles.
  map.on("dragstart", () => {
    const drag = map.dragging._draggable;
    if (!drag.rounded) drag.on("predrag", () => drag._newPos._round());
    drag.rounded = true;
  });
  return map;
}

// Show a part of the plane, around { centre, zoom } of it.
export function showPart(map, layer, part, deepest, { centre, zoom }) {
  [map.options.minZoom, map.options.maxZoom] = part.octaves(deepest);
  // Bounds of the part before would move the map.
  map.setMaxBounds(null);
  layer.options.bounds = part.base ? undefined : BASE;
  // What is seen stays the same, so nothing is to fade in.
  const fades = map._fadeAnimated;
  map._fadeAnimated = false;
  map.setView(centre, zoom, { reset: true, animate: false });
  if (!part.base) map.setMaxBounds(BASE.pad(0.35));
  setTimeout(() => (map._fadeAnimated = fades), 400);
}

// A layer of tiles: `load` promises the numbers of the tile with some coordinates, `paint` colours them.
export const Tiles = L.GridLayer.extend({
  initialize(load, paint, loaded) {
    L.GridLayer.prototype.initialize.call(this, {
      tileSize: SIDE,
      bounds: BASE,
      minZoom: -99,
      maxZoom: 99,
      keepBuffer: 1,
      updateWhenZooming: false,
      updateInterval: 120,
    });
    Object.assign(this, { load, paint, loaded, entries: new Map() });
    this.on("tileunload", ({ tile }) => {
      this.entries.get(tile)?.cancel();
      this.entries.delete(tile);
    });
  },

  createTile(coords, done) {
    const box = L.DomUtil.create("div", "tile waiting");
    const canvas = L.DomUtil.create("canvas", "", box);
    canvas.width = canvas.height = SIDE;
    const { promise, cancel } = this.load(coords);
    const entry = { coords, pen: canvas.getContext("2d"), cancel, data: null };
    this.entries.set(box, entry);
    promise.then(
      (data) => {
        entry.data = data;
        this.paint(entry);
        box.classList.remove("waiting");
        done(null, box);
        this.loaded();
      },
      (error) => {
        if (error.name === "AbortError") return;
        box.classList.replace("waiting", "failed");
        done(error, box);
      },
    );
    return box;
  },

  repaint() {
    for (const entry of this.entries.values()) if (entry.data) this.paint(entry);
  },

  // The visible tiles of the current octave.
  inSight() {
    const zoom = this._tileZoom;
    if (zoom === undefined || !this._map) return [];
    const { min, max } = this._map.getPixelBounds(this._map.getCenter(), zoom);
    return [...this.entries.values()].filter(
      ({ coords: { x, y, z } }) =>
        z === zoom && (x + 1) * SIDE > min.x && x * SIDE < max.x && (y + 1) * SIDE > min.y && y * SIDE < max.y,
    );
  },
});

// End a zoom animation at once, where it was going; always true. Leaflet has no public way.
function finish(map) {
  if (map._animatingZoom) map._onZoomTransitionEnd();
  return true;
}

// Zoom by steps. Leaflet would drop a step that comes while it still animates, or waits for the frame in which it
// starts to animate, the one before: so what the steps add up to is kept, and reached when that has ended.
export function zoomBy(map, steps) {
  const [low, high] = map.range();
  const underWay = map.aim !== undefined;
  const aim = Math.max(low, Math.min(high, (map.aim ?? map.getZoom()) + steps));
  if (!underWay && aim === map.getZoom()) return;
  map.aim = aim;
  if (underWay) finish(map);
  else map.setView(map.middle(), aim);
}

// The map that the reader moves leads; the other one follows, animations included.
export function link(maps) {
  let leader = null;
  const led = (map, follow) => {
    if (leader && leader !== map) return;
    const before = leader;
    leader = map;
    for (const other of maps) if (other !== map) follow(other);
    leader = before;
  };
  for (const map of maps) {
    map.on("zoomanim", (event) => {
      if (leader && leader !== map) return;
      // At once: `setView` would wait for a frame, and start even if the leader has moved on by then.
      led(map, (other) => other._moveStart(true)._animateZoom(event.center, event.zoom, true));
      leader = map;
    });
    map.on("zoomend", () => {
      if (leader === map) leader = null;
    });
    map.on("move", () =>
      led(map, (other) => {
        const [centre, zoom] = [map.getCenter(), map.getZoom()];
        if (!Number.isInteger(zoom)) other._move(centre, zoom, { pinch: true, round: false });
        // A zoom animation of the follower that ends later would take it, and the leader with it, back.
        else if (finish(other) && other.getZoom() !== zoom) other.setView(centre, zoom, { animate: false });
        else {
          // Whole pixels: half ones, of odd widths, would add up.
          const off = other.project(centre, zoom).subtract(other.project(other.getCenter(), zoom)).round();
          if (off.x || off.y) other.panBy(off, { animate: false });
        }
      }),
    );
  }
}

// Mirrors the pointer in the other map.
export function shadow(maps, tell) {
  const ghosts = maps.map((map) => L.DomUtil.create("div", "ghost", map.getContainer()));
  const hide = () => ghosts.forEach((ghost) => ghost.classList.remove("on"));
  maps.forEach((map, index) => {
    map.on("mousemove", (event) => {
      ghosts.forEach((ghost, k) => {
        ghost.classList.toggle("on", k !== index);
        if (k !== index) L.DomUtil.setTransform(ghost, maps[k].latLngToContainerPoint(event.latlng));
      });
      tell(event.latlng);
    });
    map.on("mouseout", () => {
      hide();
      tell(null);
    });
  });
}
