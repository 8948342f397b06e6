// The explorer: the truth down to octave 300, and beside or under it what a model makes of it, down to octave 40.
import { Palettes, paintError, paintValues, scaleOf } from "./explorer-colours.js";
import { Dive } from "./explorer-dive.js";
import { INSIDE, Model, SIDE, Truth, valueOf } from "./explorer-feed.js";
import { Tiles, link, makeMap, shadow, showPart, zoomBy } from "./explorer-maps.js";
import { Part, decimals, parse } from "./explorer-plane.js";

document.documentElement.classList.add("js");
const root = document.querySelector(".explorer");
const settings = JSON.parse(root.dataset.explorer);
const one = (selector) => root.querySelector(selector);
const out = (name) => one(`[data-out=${name}]`);
const stage = one(".stage");
const choice = one("#colours");
const query = new URLSearchParams(location.search);
const NARROW = 760;
const EASE = 260;
const PAN = 90;

const palettes = new Palettes(await (await fetch(settings.colours)).json());
let scale = { low: 0, high: 1, deviation: 0.4 };
let kind = "model";
let arrangement = "side";

// --- the part of the plane that the maps show, and the steps after which a point counts as inside
const exact = ([re, im]) => ({ re: parse(re), im: parse(im) });
const HOME = exact([-0.75, 0]);
for (const place of settings.places) place.at = exact(place.centre);
let part = new Part();
let limit = settings.limits[0];
const octaveOf = (map) => part.base + map.getZoom();
// The place that the map was last put at; while it is in the middle, it is known better than to a pixel.
let aimed = null;
function centreOf(map) {
  const off = aimed && map.latLngToContainerPoint(part.local(aimed)).subtract(map.getSize().divideBy(2));
  return off && Math.abs(off.x) <= 1 && Math.abs(off.y) <= 1 ? aimed : part.place(map.getCenter());
}
// Models are drawn in doubles, so beside one the whole plane stays one part.
const tight = (place, octave) => settings.deepest > settings.deepest_model && part.tight(place, octave);

// --- maps and their tiles
const truths = new Truth(settings.truth);
const models = settings.model ? new Model(settings.model, settings.wishes, tellWaiting) : null;
const colours = () => palettes.maps.get(choice.value) || palettes.maps.get(settings.first);

// A second model, from the page that compares two.
const seconds = settings.second ? new Model(settings.second.model, settings.second.wishes, () => {}) : null;

const truthMap = makeMap(one("[data-map=truth]"), settings.deepest);
const modelMap = models ? makeMap(one("[data-map=model]"), settings.deepest) : null;
const secondMap = seconds ? makeMap(one("[data-map=second]"), settings.deepest) : null;
const maps = [truthMap, modelMap, secondMap].filter(Boolean);

const nowhere = () => ({ promise: Promise.reject(new DOMException("outside the plane", "AbortError")), cancel() {} });
const truthLayer = new Tiles(
  (coords) => {
    const name = part.name(coords);
    if (!name) return nowhere();
    const raised = limit > settings.limits[0] && part.base + coords.z > settings.deepest_model;
    return truths.get(raised ? `${name}?limit=${limit}` : name);
  },
  ({ pen, data }) => paintValues(pen, data, scale, colours(), palettes),
  rescale,
);
const layerOf = (feed) =>
  feed &&
  new Tiles(
    (coords) => {
      const name = part.name(coords);
      if (!name) return nowhere();
      const parts = [truths.get(name), feed.get(name)];
      return {
        promise: Promise.all(parts.map(({ promise }) => promise)).then(([truth, model]) => ({ ...model, truth })),
        cancel: () => parts.forEach(({ cancel }) => cancel()),
      };
    },
    ({ pen, data }) =>
      kind === "error" ? paintError(pen, data.truth, data, scale, palettes) : paintValues(pen, data, scale, colours(), palettes),
    () => {},
  );
const modelLayer = layerOf(models);
const secondLayer = layerOf(seconds);

function repaint() {
  truthLayer.repaint();
  modelLayer?.repaint();
  secondLayer?.repaint();
}

// The colours adapt to the range of the visible tiles, gradually.
let aim = scale;
let easing = 0;
let settling = 0;
function rescale() {
  clearTimeout(settling);
  const loading = truthLayer.inSight().some(({ data }) => !data);
  if (!loading) tellLimit();
  settling = setTimeout(settle, loading ? 160 : 30);
}

function settle() {
  const there = truthLayer.inSight().filter(({ data }) => data);
  if (!there.length) return;
  const next = scaleOf(there.map(({ data }) => data));
  const moved = Math.abs(next.low - aim.low) + Math.abs(next.high - aim.high);
  if (moved < 0.01 * (aim.high - aim.low) && Math.abs(next.deviation - aim.deviation) < 0.01 * aim.deviation) return;
  aim = next;
  const from = scale;
  const began = performance.now();
  cancelAnimationFrame(easing);
  const step = (now) => {
    const share = Math.max(0, Math.min(1, (now - began) / EASE));
    const mix = (key) => from[key] + (aim[key] - from[key]) * share;
    scale = share < 1 ? { low: mix("low"), high: mix("high"), deviation: mix("deviation") } : aim;
    repaint();
    if (share < 1) easing = requestAnimationFrame(step);
  };
  easing = requestAnimationFrame(step);
}

// --- what the page says
const digits = (octave) => Math.ceil((octave + 8) * Math.LOG10E * Math.LN2) + 1;
const point = ({ re, im }, octave) => {
  const [real, imaginary] = [re, im].map((value) => decimals(value, digits(octave)));
  return `${real.replace("-", "−")} ${imaginary.startsWith("-") ? "−" : "+"} ${imaginary.replace("-", "")} i`;
};
const times = (octave) => (octave < 20 ? (2 ** octave).toLocaleString("en") : (2 ** octave).toExponential(2).replace("e+", " × 10^"));

function tell() {
  const octave = octaveOf(truthMap);
  out("octave").textContent = octave;
  const [base, power] = times(octave).split("^");
  out("factor").replaceChildren(base);
  if (power) out("factor").append(Object.assign(document.createElement("sup"), { textContent: power }));
  out("factor").append("×");
  out("centre").textContent = out("centre").title = point(centreOf(truthMap), octave);
  one("#octave").value = octave;
  for (const button of root.querySelectorAll("[data-step]"))
    button.disabled = octave + Number(button.dataset.step) < 0 || octave + Number(button.dataset.step) > settings.deepest;
  if (out("skill")) {
    const skill = settings.skill[octave];
    out("skill").textContent = skill === undefined ? "beyond what is judged" : `skill ${skill.toFixed(3)}`;
  }
  const middle = truthMap.getSize().divideBy(2);
  const away = ({ at }) => truthMap.latLngToContainerPoint(part.local(at)).distanceTo(middle);
  const here = settings.places.filter((place) => octave >= place.octaves[0] && away(place) < 40).sort((a, b) => away(a) - away(b))[0];
  for (const chip of root.querySelectorAll("[data-place]")) {
    if (chip.dataset.place === here?.slug) chip.setAttribute("aria-current", "true");
    else chip.removeAttribute("aria-current");
  }
}

function tellAddress() {
  const octave = octaveOf(truthMap);
  const { re, im } = centreOf(truthMap);
  const values = { re: decimals(re, digits(octave)), im: decimals(im, digits(octave)), octave };
  if (choice.value !== settings.first) values.colours = choice.value;
  if (models && !seconds && arrangement !== usual()) values.view = arrangement;
  if (kind !== "model") values.show = kind;
  if (seconds) values.second = settings.second.id;
  if (limit > settings.limits[0]) values.limit = limit;
  history.replaceState(null, "", `?${new URLSearchParams(values)}`);
  // Another entry at the same place.
  for (const link of root.querySelectorAll("[data-keep]")) link.search = location.search;
}

function tellCursor(at) {
  if (!at) {
    out("cursor").textContent = "–";
    out("values").textContent = "";
    return;
  }
  const value = (layer) => {
    const { x, y } = truthMap.project(at, truthMap.getZoom());
    const [tx, ty] = [Math.floor(x / SIDE), Math.floor(y / SIDE)];
    const entry = layer?.inSight().find(({ coords }) => coords.x === tx && coords.y === ty);
    if (!entry?.data) return null;
    return valueOf(entry.data, entry.data.codes[Math.floor(y - ty * SIDE) * SIDE + Math.floor(x - tx * SIDE)]);
  };
  const said = [];
  const truth = value(truthLayer);
  if (truth !== null) said.push(truth === 1 ? "never escapes" : `t ${truth.toFixed(4)}, escapes after ${((50 * truth) / (1 - truth)).toFixed(1)}`);
  const model = value(modelLayer);
  if (model !== null) said.push(`model ${Number.isNaN(model) ? "not a number" : model.toFixed(4)}`);
  out("cursor").textContent = point(part.place(at), octaveOf(truthMap));
  out("values").textContent = said.join(" · ");
}

function tellWaiting({ waiting, problem, alone, still }) {
  const line = out("waiting");
  if (still && line.dataset.problem) return;
  line.dataset.problem = problem || "";
  line.textContent = problem
    ? `The model cannot be drawn: ${problem}`
    : alone
      ? "No worker is drawing tiles at the moment. They appear as soon as one does."
      : waiting
        ? `The model is drawing ${waiting === 1 ? "a tile" : `${waiting} tiles`} …`
        : "";
}

// Where hardly a point escapes, the limit hides what there is.
function tellLimit() {
  if (!out("limit")) return;
  const codes = truthLayer.inSight().flatMap(({ data }) => Array.from({ length: 64 }, (_, k) => data.codes[(k * 1021) % (SIDE * SIDE)]));
  const hidden = codes.length > 0 && codes.filter((code) => code === INSIDE).length > 0.99 * codes.length;
  const next = settings.limits.find((steps) => steps > limit);
  const steps = limit.toLocaleString("en");
  const shown = hidden && octaveOf(truthMap) > settings.deepest_model;
  out("limit").textContent = shown ? `Hardly a point here escapes within ${steps} steps.` : limit > settings.limits[0] ? `Up to ${steps} steps.` : "";
  const button = one("[data-do=raise]");
  button.hidden = !shown || !next;
  if (next) button.textContent = `Take up to ${next.toLocaleString("en")}`;
}

// --- arrangement
const usual = () => (innerWidth < NARROW ? "swipe" : "side");
const divider = one(".divider");
let cut = 50;

function moveCut(to) {
  cut = Math.max(0, Math.min(100, to));
  stage.style.setProperty("--cut", `${cut}%`);
  divider.setAttribute("aria-valuenow", Math.round(cut));
}

function arrange(next) {
  arrangement = seconds ? "side" : models && ["side", "swipe"].includes(next) ? next : usual();
  stage.dataset.view = models ? arrangement : "one";
  for (const button of root.querySelectorAll("[data-view]:is(button)")) button.setAttribute("aria-pressed", String(button.dataset.view === arrangement));
}

function show(next) {
  kind = models && next === "error" ? "error" : "model";
  for (const button of root.querySelectorAll("[data-show]")) button.setAttribute("aria-pressed", String(button.dataset.show === kind));
  if (models && !seconds) out("right").textContent = kind === "error" ? "Error" : "Model";
  modelLayer?.repaint();
  secondLayer?.repaint();
}

// Without animation: two maps that animate on their own would drift apart.
function showAt(place, octave) {
  aimed = place;
  if (tight(place, octave)) {
    part = Part.around(place, octave);
    showPart(truthMap, truthLayer, part, settings.deepest, { centre: part.local(place), zoom: octave - part.base });
  } else truthMap.setView(part.local(place), octave - part.base, { animate: false });
}

function go(place, octave) {
  dive.stop();
  showAt(place, octave);
}

function visit(slug, wanted) {
  const place = settings.places.find((one) => one.slug === slug);
  if (!place) return;
  const [first, last] = place.octaves;
  const now = Math.round(octaveOf(truthMap));
  go(place.at, wanted ?? Math.max(Math.min(first + 2, last), Math.min(last, now)));
}

const dive = new Dive(truthMap, truthLayer, (going) => {
  const button = one("[data-do=dive]");
  button.setAttribute("aria-pressed", String(going));
  button.textContent = going ? "Stop" : "Dive";
});

// --- beginning
function begin() {
  if ([...choice.options].some((option) => option.value === query.get("colours"))) choice.value = query.get("colours");
  arrange(query.get("view"));
  show(query.get("show"));
  moveCut(50);
  const within = (value, least, most) => value !== null && value >= least && value <= most;
  const asked = query.has("octave") ? Number(query.get("octave")) : NaN;
  const octave = within(asked, 0, settings.deepest) ? asked : null;
  const given = exact([query.get("re"), query.get("im")]);
  const known = within(given.re, parse("-2.75"), parse("1.25")) && within(given.im, parse("-2"), parse("2"));
  limit = settings.limits.find((steps) => steps === Number(query.get("limit"))) ?? limit;
  const place = settings.places.find(({ slug }) => slug === query.get("place"));
  const home = Math.max(0, Math.round(Math.log2(Math.max(truthMap.getSize().x, truthMap.getSize().y) / SIDE) - 0.2));
  const centre = known ? given : place ? place.at : HOME;
  const zoom = Math.round(octave ?? (place ? place.octaves[0] + 2 : home));
  if (modelMap) link(maps);
  if (settings.deepest > settings.deepest_model) {
    truthMap.middle = () => part.local(centreOf(truthMap));
    truthMap.range = () => [-part.base, settings.deepest - part.base];
    truthMap.reach = (local) => showAt(centreOf(truthMap), part.base + local);
    truthMap.on("zoomend", () => {
      const octave = octaveOf(truthMap);
      if (Number.isInteger(octave) && tight(centreOf(truthMap), octave)) showAt(centreOf(truthMap), octave);
    });
  }
  showAt(centre, zoom);
  for (const map of maps) if (map !== truthMap) map.setView(part.local(centre), zoom, { animate: false });
  truthLayer.addTo(truthMap);
  modelLayer?.addTo(modelMap);
  secondLayer?.addTo(secondMap);
  truthMap.on("move zoomend", tell);
  truthMap.on("moveend", () => {
    tellAddress();
    rescale();
  });
  for (const map of maps) map.on("dragstart", () => dive.stop());
  shadow(maps, tellCursor);
  tell();
  tellCursor(null);
  if (location.search) tellAddress();
  return home;
}

const home = begin();
const act = {
  dive: () => (dive.going ? dive.stop() : dive.start()),
  home: () => go(HOME, home),
  raise: () => {
    limit = settings.limits.find((steps) => steps > limit) ?? limit;
    truthLayer.redraw();
    tellAddress();
    out("limit").textContent = `Taking up to ${limit.toLocaleString("en")} steps …`;
    one("[data-do=raise]").hidden = true;
  },
  async share() {
    tellAddress();
    const button = one("[data-do=share]");
    try {
      await navigator.clipboard.writeText(location.href);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Copy it from the address bar";
    }
    setTimeout(() => (button.textContent = "Copy link"), 1600);
  },
  full: () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen()),
  swipe: () => models && change(() => arrange(arrangement === "swipe" ? "side" : "swipe")),
  error: () => models && change(() => show(kind === "error" ? "model" : "error")),
  colours: () => {
    choice.selectedIndex = (choice.selectedIndex + 1) % choice.options.length;
    choice.dispatchEvent(new Event("change"));
  },
};

function change(what) {
  what();
  tellAddress();
}

async function extreme(which) {
  const found = (await (await fetch(settings.skills)).json())[which];
  if (found) visit(...found);
}

root.addEventListener("click", (event) => {
  const button = event.target.closest("[data-place], [data-step], [data-do], [data-view]:is(button), [data-show], [data-go]");
  if (!button) return;
  const { place, step, view, go: which } = button.dataset;
  if (place) visit(place);
  else if (step) zoomBy(truthMap, Number(step));
  else if (view) change(() => arrange(view));
  else if (button.dataset.show) change(() => show(button.dataset.show));
  else if (which) extreme(which);
  else act[button.dataset.do]();
});
one("#octave").addEventListener("input", (event) => showAt(centreOf(truthMap), Number(event.target.value)));
choice.addEventListener("change", () => change(repaint));
one("#entry")?.addEventListener("change", (event) => {
  if (event.target.value) location.href = event.target.value + location.search;
});

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea, [role=slider]")) return;
  // Keys belong to the explorer only while the focus is in it.
  if (!root.contains(event.target)) return;
  const by = { ArrowLeft: [-PAN, 0], ArrowRight: [PAN, 0], ArrowUp: [0, -PAN], ArrowDown: [0, PAN] }[event.key];
  const step = { "+": 1, "=": 1, "-": -1, _: -1 }[event.key];
  const place = settings.places[Number(event.key) - 1];
  const todo = { 0: "home", s: "swipe", e: "error", c: "colours", d: "dive", f: "full" }[event.key];
  if (by) truthMap.panBy(by.map((part) => part * (event.shiftKey ? 3 : 1)));
  else if (step) zoomBy(truthMap, step);
  else if (place) visit(place.slug);
  else if (todo) act[todo]();
  else return;
  if (by || step || place) dive.stop();
  event.preventDefault();
});

divider.addEventListener("pointerdown", (event) => divider.setPointerCapture(event.pointerId));
divider.addEventListener("pointermove", (event) => {
  if (!divider.hasPointerCapture(event.pointerId)) return;
  const box = stage.getBoundingClientRect();
  moveCut((100 * (event.clientX - box.left)) / box.width);
});
divider.addEventListener("keydown", (event) => {
  const to = { ArrowLeft: cut - 2, ArrowRight: cut + 2, Home: 0, End: 100 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  moveCut(to);
});
function resize() {
  // Under the pointer a map would jump: what was dragged so far would count twice.
  if (maps.some((map) => map.dragging.moving())) {
    for (const map of maps) map.once("dragend", resize);
    return;
  }
  // Keep the centre when the size changes.
  const centre = truthMap.getCenter();
  for (const map of maps) {
    map.invalidateSize({ pan: false, animate: false });
    map.setView(centre, Math.round(map.getZoom()), { reset: true });
  }
  tell();
}
new ResizeObserver(resize).observe(stage);
