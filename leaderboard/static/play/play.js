// The page /play: reads the choices, runs one or two models, and puts one on the board.

import { makeDataSet } from "../nn/data_sets.js";
import { safetensors, seeded } from "../nn/network.js";
import { saveFilm } from "./film.js";
import { loadPalette, paintCurve, paintImage, paintLosses, paintSurface, rangeOf } from "./paint.js";
import { readPicture } from "./picture.js";
import { Run } from "./run.js";
import * as choices from "./settings.js";

document.documentElement.classList.add("js");
const root = document.querySelector(".play");
const one = (selector, within = root) => within.querySelector(selector);
const setup = one(".setup"), truthCanvas = one(".truth canvas"), status = one('[data-out="status"]');
const frameSlider = one('[name="frame"]'), playButton = one('[data-do="play"]');
const TRUTH_SIDE = 192, FRAME_SIDE = 96;
const START_TURN = [-0.7, 0.5];
const say = (text) => { status.textContent = text; };

let settings = choices.read(location.search);
let playing = false, started = false, picture = null;
const page = { palette: null, range: [0, 1], truth: null, kind: "image", turn: [...START_TURN], view: { x: 0, y: 0, half: 1 }, changed };
const runs = { a: new Run(one('[data-model="a"]'), page), b: new Run(one('[data-model="b"]'), page) };
const active = () => (settings.b ? [runs.a, runs.b] : [runs.a]);

// Before anything listens: whatever is drawn needs both.
page.palette = await loadPalette(root.dataset.palette);
picture = await readPicture(await (await fetch(one(".truth img").src)).blob());

/* the choices */

function fill(form, model) {
  const { elements: { features, orders, layers, width, activation, rate } } = form;
  const [least, most] = choices.ORDERS[model.features];
  features.value = model.features;
  Object.assign(orders, { min: least, max: most });
  orders.value = model.orders;
  layers.value = model.hidden.length;
  width.value = model.hidden[0] ?? 64;
  activation.value = model.activation;
  rate.value = model.rate;
  one('[data-for="orders"]', form).hidden = model.features === "none";
  one("output", form).value = model.orders;
}

function fromForm(form) {
  const { elements: { features, orders, layers, width, activation, rate } } = form;
  const [least, most] = choices.ORDERS[features.value];
  return {
    features: features.value, activation: activation.value, rate: Number(rate.value),
    orders: Math.min(most, Math.max(least, Number(orders.value))),
    hidden: Array(Number(layers.value)).fill(Number(width.value)),
  };
}

function showChoices() {
  const { data, deepest, seconds, compare } = setup.elements;
  data.value = settings.data;
  deepest.value = settings.deepest;
  seconds.value = settings.seconds;
  compare.checked = Boolean(settings.b);
  for (const element of root.querySelectorAll("[data-for]:not([data-for=orders])"))
    element.hidden = element.dataset.for !== settings.data;
  for (const [key, run] of Object.entries(runs)) {
    run.panel.hidden = !settings[key];
    if (settings[key]) fill(one("form", run.panel), settings[key]);
  }
  one(".losses .b").hidden = !settings.b;
}

/** Something was chosen: training starts over, but what was learned is not thrown away before play is pressed. */
function chosen() {
  const { data, deepest, seconds, compare } = setup.elements;
  const other = data.value !== settings.data;
  settings = { ...settings, data: data.value, deepest: Number(deepest.value), seconds: Number(seconds.value) };
  settings.a = fromForm(one("form", runs.a.panel));
  settings.b = compare.checked ? (settings.b ? fromForm(one("form", runs.b.panel)) : choices.second()) : null;
  history.replaceState(null, "", choices.write(settings));
  showChoices();
  if (other) page.view = { x: 0, y: 0, half: 1 };
  reset();
}

/* training */

function order(model) {
  const { rate, ...rest } = model;
  return { data: settings.data, settings: rest, rate, seconds: settings.seconds, deepest: settings.deepest, seed: settings.seed, picture, view: page.view };
}

function reset() {
  for (const run of Object.values(runs)) run.stop();
  playing = started = false;
  showTruth();
  for (const key of ["a", "b"])
    if (settings[key]) runs[key].start(order(settings[key]));
  // The first frame of an untrained network is shown; then it waits.
  for (const run of active()) run.tell({ do: "pause" });
  showTransport();
  say("");
}

function play() {
  if (active().every((run) => run.over)) reset();
  playing = !playing;
  started ||= playing;
  for (const run of active()) run.tell({ do: playing ? "resume" : "pause" });
  if (playing) for (const run of active()) run.shown = run.frames.length - 1;
  showTransport();
}

function changed(run) {
  if (!active().includes(run)) return;
  if (run.shown === run.frames.length - 1 || !playing) run.draw();
  if (playing && active().every((each) => each.over || each.error)) {
    playing = false;
    const [a, b] = active();
    if (a.octaves !== undefined && b?.octaves !== undefined) {
      const ahead = a.octaves - b.octaves;
      say(`${ahead >= 0 ? "Model A" : "Model B"} is ${Math.abs(ahead).toFixed(2)} octaves ahead, on the views that are measured here.`);
    } else if (!a.error) say("Training is over.");
  }
  showTransport();
}

let waitingToDraw = false;
function showTransport() {
  playButton.textContent = playing ? "Pause" : active().every((run) => run.over) ? "Play again" : "Play";
  const { frames, shown } = runs.a;
  frameSlider.max = Math.max(0, frames.length - 1);
  frameSlider.value = shown;
  one('[name="moment"]').value = frames[shown] ? `${frames[shown].seconds.toFixed(1)} s` : "";
  if (waitingToDraw) return;
  waitingToDraw = true;
  requestAnimationFrame(() => {
    waitingToDraw = false;
    const lines = active().map((run, k) => ({ points: run.frames.map((f) => [f.seconds, f.loss]), colour: k ? "accent" : "ember" }));
    // Without a point, it would be an empty field.
    one(".losses").hidden = !lines.some((line) => line.points.some(([, loss]) => Number.isFinite(loss)));
    paintLosses(one(".losses canvas"), lines);
  });
}

/* the truth, and where to look at it */

function showTruth() {
  const data = makeDataSet(settings.data, { random: seeded(1), deepest: 0, picture });
  page.kind = data.kind;
  const side = data.kind === "image" ? TRUTH_SIDE : FRAME_SIDE;
  const values = data.truth(side, page.view);
  page.truth = values;
  page.range = rangeOf(values);
  if (data.kind === "curve") paintCurve(truthCanvas, null, values);
  else if (data.kind === "surface") paintSurface(truthCanvas, values, page.turn);
  else paintImage(truthCanvas, values, page.palette, page.range);
}

function lookAt(button) {
  for (const other of root.querySelectorAll("[data-place]")) other.setAttribute("aria-pressed", String(other === button));
  const [x, y, half] = button.dataset.place.split(",").map(Number);
  page.view = { x, y, half };
  showTruth();
  for (const run of active()) run.tell({ do: "view", view: page.view });
}

/* surfaces are turned by hand */

function turn(right, up) {
  page.turn = [page.turn[0] + right, Math.max(-1.5, Math.min(1.5, page.turn[1] + up))];
  showTruth();
  for (const run of active()) run.draw();
}

for (const canvas of root.querySelectorAll(".pictures canvas.answer, .truth canvas")) {
  let from = null;
  canvas.tabIndex = 0;
  canvas.addEventListener("pointerdown", (event) => {
    if (page.kind !== "surface") return;
    from = [event.clientX, event.clientY];
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!from) return;
    turn((event.clientX - from[0]) * 0.01, (event.clientY - from[1]) * 0.01);
    from = [event.clientX, event.clientY];
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { from = null; });
  canvas.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, 0.15], ArrowDown: [0, -0.15] }[event.key];
    if (!by || page.kind !== "surface") return;
    event.preventDefault();
    turn(...by);
  });
}

/* the board */

async function entry() {
  if (!runs.a.last) throw new Error("There is nothing to submit yet: press play first.");
  if (runs.a.error) throw new Error("Model A stopped with an error: start again first.");
  const tensors = await runs.a.state();
  if (Object.values(tensors).some(({ data }) => data.some((v) => !Number.isFinite(v)))) throw new Error("A weight is not a finite number: start again with a lower learning rate.");
  const form = new FormData(one('[data-form="submit"]'));
  const { features, orders, hidden, activation } = settings.a;
  form.set("settings", JSON.stringify({ features, orders, hidden, activation }));
  form.set("weights", new Blob([safetensors(tensors)]), "weights.safetensors");
  return form;
}

async function send(url, form) {
  const answer = await fetch(url, { method: "POST", body: form, headers: { Accept: "application/json" } });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Error([problem.detail ?? problem.title ?? `The server answered ${answer.status}.`, problem.help].filter(Boolean).join(" "));
}

const save = (blob, name) => {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
};

async function attempt(button, act) {
  const problem = one('[data-out="submit-error"]');
  problem.textContent = "";
  button.disabled = true;
  try {
    await act();
  } catch (error) {
    problem.textContent = error.message === "Failed to fetch" ? "The server cannot be reached. What you trained is still here: try again." : error.message;
  } finally {
    button.disabled = false;
  }
}

one('[data-form="submit"]').addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(event.submitter ?? event.target, async () => {
    const answer = await send(root.dataset.submit, await entry());
    location.assign((await answer.json()).url);
  });
});

const ACTS = {
  play,
  step() {
    playing = false;
    for (const run of active()) { run.shown = run.frames.length - 1; run.tell({ do: "step" }); }
    showTransport();
  },
  restart: reset,
  async link() {
    history.replaceState(null, "", choices.write(settings));
    await navigator.clipboard.writeText(location.href).then(() => say("The link is copied."), () => say("The link is in the address bar."));
  },
  async film(button) {
    button.disabled = true;
    say("Making the film ...");
    try {
      save(await saveFilm(active(), page, truthCanvas), "learning.webm");
      say("The film is saved.");
    } catch (error) {
      say(error.message);
    } finally {
      button.disabled = false;
    }
  },
  download(button) {
    return attempt(button, async () => {
      const form = await entry();
      if (!form.get("name")) form.set("name", "My network");
      save(await (await send(root.dataset.bundle, form)).blob(), "bundle.zip");
    });
  },
};

root.addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (button?.dataset.place) lookAt(button);
  else if (button?.dataset.do) ACTS[button.dataset.do](button);
});
root.addEventListener("change", async ({ target }) => {
  if (target.name === "picture" && target.files[0]) {
    try {
      picture = await readPicture(target.files[0]);
      say("");
      reset();
    } catch (error) {
      say(error.message);
    }
  } else if (target.closest(".setup, .choices") && target.type !== "file") chosen();
});
root.addEventListener("input", ({ target }) => {
  if (target.name === "orders") target.form.querySelector("output").value = target.value;
  if (target === frameSlider) {
    for (const run of active()) run.draw(Math.round((Number(frameSlider.value) / Math.max(1, frameSlider.max)) * (run.frames.length - 1)));
    showTransport();
  }
});
for (const form of root.querySelectorAll(".setup, .choices")) form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("resize", () => { showTruth(); for (const run of active()) run.draw(); showTransport(); });

showChoices();
reset();
root.dataset.ready = "1";
