// The views of one or two entries: places, octaves, linked zoom and pan, swipe, colours, the keyboard.
// Without it the page shows one view at a time, and its links lead to the others.
import { skillMap } from "./skill_map.js";
import { Pictures, address, paint } from "./layers.js";
import { follow } from "./pointer.js";
import { Sharpener } from "./sharp.js";
import { Swipe } from "./swipe.js";

const MILLISECONDS = 420;
const DIVE = 900;
const BEYOND = 2;
// On a narrow screen pictures beside each other are too small.
const usual = innerWidth <= 620;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export function zoom(section) {
  const { layers, places, skill, skills, plain, tiles } = JSON.parse(section.dataset.zoom);
  const slider = section.querySelector("input[type=range]");
  const dive = section.querySelector(".dive-button");
  const colours = section.querySelector("select");
  const links = [...section.querySelectorAll("[data-place]")];
  const out = (name) => section.querySelector(`[data-out=${name}]`);
  const panels = section.querySelector(".panels");
  let place = places.find((p) => links.some((a) => a.dataset.place === p.slug && a.hasAttribute("aria-current"))) || places[0];
  let octave = Number(slider.value);
  let diving = 0;
  let moving = 0;
  let queued = 0;
  let inSight = false;
  // Where the camera is going, or has come to.
  let aim = octave;
  const camera = { z: octave, x: 0, y: 0 };
  const pictures = new Pictures(redraw);
  const source = (layer, k) => address(layer, place.slug, k, colours.value, plain);

  const views = layers.map((layer) => {
    const panel = section.querySelector(`[data-layer=${layer.key}]`);
    const canvas = document.createElement("canvas");
    canvas.setAttribute("aria-hidden", "true");
    panel.append(canvas);
    panel.setAttribute("role", "group");
    panel.setAttribute("aria-label", `${layer.name}: left and right change the octave, plus and minus zoom`);
    const image = panel.querySelector("img");
    const size = panel.parentElement.querySelector("[data-pixels]");
    const measure = () => image.naturalWidth && (size.textContent = `${image.naturalWidth} px`);
    image.addEventListener("load", measure);
    measure();
    return { layer, panel, canvas, image };
  });
  const swipe = new Swipe(layers, redraw);
  const sharper =
    tiles &&
    new Sharpener(tiles, (layer, canvas, { place: one, octave: k, colours: name }) => {
      pictures.put(address(layer, one.slug, k, name, plain), canvas);
      swipe.element.dataset.sharp = `${one.slug}/${k}/${layer.key}`;
    });
  panels.after(swipe.element);

  function draw() {
    queued = 0;
    const one = (layer, pen, side) => paint(pen, side, camera, place, (k) => source(layer, k), pictures);
    if (swipe.shown) return swipe.draw(one);
    for (const { layer, canvas, panel } of views) {
      const side = Math.round(panel.clientWidth * devicePixelRatio);
      if (canvas.width !== side) canvas.width = canvas.height = side;
      one(layer, canvas.getContext("2d"), side);
    }
  }

  function redraw() {
    queued ||= requestAnimationFrame(draw);
  }

  // Where a view is settled: what the page says of it, and its address.
  function tell() {
    slider.min = place.octaves[0];
    slider.max = place.octaves.at(-1);
    slider.value = octave;
    slider.setAttribute("aria-valuetext", `octave ${octave}`);
    for (const a of links) {
      if (a.dataset.place === place.slug) a.setAttribute("aria-current", "true");
      else a.removeAttribute("aria-current");
    }
    for (const a of section.querySelectorAll(".step")) {
      if (place.octaves.includes(octave + Number(a.dataset.step))) a.setAttribute("href", "#zoom");
      else a.removeAttribute("href");
    }
    for (const { layer, image } of views) {
      image.src = source(layer, octave);
      image.alt = `${layer.name} at ${place.name}, octave ${octave}`;
    }
    out("octave").textContent = `Octave ${octave}`;
    out("factor").textContent = `${2 ** octave < 1e6 ? (2 ** octave).toLocaleString("en") : `${(2 ** octave / 1e6).toPrecision(3)} M`}×`;
    const [re, im] = place.centre;
    out("centre").textContent = `${re} ${im < 0 ? "−" : "+"} ${Math.abs(im)} i`;
    const here = map?.skill(place.slug, octave);
    out("skill").textContent =
      (octave in skill ? `skill at this octave ${skill[octave].toFixed(3)}` : "") + (here === undefined ? "" : `, in this view about ${here.toFixed(2)}`);
    out("sentence").textContent = place.sentence;
    map?.mark(place.slug, octave);
    const query = new URLSearchParams(location.search);
    query.delete("go");
    if (swipe.shown === usual) query.delete("view");
    else query.set("view", swipe.shown ? "swipe" : "side");
    query.set("place", place.slug);
    query.set("octave", octave);
    if (colours.value === plain) query.delete("colours");
    else query.set("colours", colours.value);
    history.replaceState(null, "", `?${query}`);
    const explore = section.querySelector("[data-explore]");
    if (explore) explore.search = `?place=${place.slug}&octave=${octave}${colours.value === plain ? "" : `&colours=${colours.value}`}`;
    for (const k of [octave - 1, octave + 1]) if (place.octaves.includes(k)) for (const layer of layers) pictures.get(source(layer, k));
    sharpen();
    redraw();
  }

  // One picture as large as the column: 128 pixels are too few for it.
  function sharpen() {
    if (swipe.shown && inSight) sharper?.ask({ place, octave, colours: colours.value, layers: swipe.layers });
    else sharper?.stop();
  }

  // The camera glides to an octave about the middle of the screen; `home` also takes it back to the place.
  function glide(to, home = false) {
    cancelAnimationFrame(moving);
    const from = { ...camera };
    const grown = (z) => 2 ** (z - from.z);
    const began = performance.now();
    const step = (now) => {
      const share = calm.matches ? 1 : Math.max(0, Math.min(1, (now - began) / MILLISECONDS));
      const eased = share * share * (3 - 2 * share);
      camera.z = from.z + (to - from.z) * eased;
      const stays = home ? 1 - eased : 1;
      camera.x = from.x * grown(camera.z) * stays;
      camera.y = from.y * grown(camera.z) * stays;
      bound();
      draw();
      if (share < 1) moving = requestAnimationFrame(step);
      else settle();
    };
    aim = to;
    step(began);
  }

  // Nobody gets lost: there is always some of the widest picture on the screen.
  function bound() {
    const [first, last] = [place.octaves[0], place.octaves.at(-1)];
    camera.z = Math.max(first, Math.min(last + BEYOND, camera.z));
    const most = Math.max(0, 2 ** (camera.z - first) / 2 - 0.5);
    camera.x = Math.max(-most, Math.min(most, camera.x));
    camera.y = Math.max(-most, Math.min(most, camera.y));
  }

  function settle() {
    bound();
    aim = camera.z;
    const now = nearest(camera.z);
    if (now !== octave) {
      octave = now;
      tell();
    } else redraw();
  }

  function nearest(k) {
    return place.octaves.reduce((best, o) => (Math.abs(o - k) < Math.abs(best - k) ? o : best));
  }

  function go(step) {
    if (!place.octaves.includes(octave + step)) return false;
    octave += step;
    tell();
    glide(octave);
    return true;
  }

  function visit(slug, k = octave) {
    place = places.find((p) => p.slug === slug);
    octave = nearest(k);
    cancelAnimationFrame(moving);
    Object.assign(camera, { z: octave, x: 0, y: 0 });
    aim = octave;
    tell();
  }

  function stop() {
    clearInterval(diving);
    diving = 0;
    dive.setAttribute("aria-pressed", "false");
    dive.textContent = "Dive";
  }

  function arrange(mode) {
    swipe.show(mode === "swipe");
    panels.hidden = swipe.shown;
    for (const button of section.querySelectorAll("[data-mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    tell();
  }

  const map = skills ? skillMap(section.querySelector(".skill-map"), places, skills, visit, tell) : null;

  for (const [element, side] of [...views.map(({ panel }) => [panel, () => panel.clientWidth]), [swipe.stage, () => swipe.stage.clientWidth]]) {
    follow(element, {
      move(dx, dy) {
        stop();
        cancelAnimationFrame(moving);
        camera.x -= dx / side();
        camera.y -= dy / side();
        settle();
      },
      scale(by, x, y) {
        stop();
        cancelAnimationFrame(moving);
        // What is under the pointer stays there.
        const before = camera.z;
        camera.z += by;
        bound();
        const grown = 2 ** (camera.z - before);
        const [u, v] = [x / side() - 0.5, y / side() - 0.5];
        camera.x = (camera.x + u) * grown - u;
        camera.y = (camera.y + v) * grown - v;
        settle();
      },
    });
  }

  section.addEventListener("click", async (event) => {
    const chip = event.target.closest("[data-place]");
    const step = event.target.closest("[data-step]");
    const mode = event.target.closest("[data-mode]");
    const goal = event.target.closest("[data-go]");
    if (mode) return arrange(mode.dataset.mode);
    if (!chip && !step && !goal) return;
    event.preventDefault();
    stop();
    if (chip) visit(chip.dataset.place);
    else if (step) go(Number(step.dataset.step));
    else {
      const found = await map.extreme(goal.dataset.go);
      if (found) visit(...found);
    }
  });
  slider.addEventListener("input", () => {
    stop();
    octave = nearest(Number(slider.value));
    tell();
    glide(octave);
  });
  colours.addEventListener("change", tell);
  dive.addEventListener("click", () => {
    if (diving) return stop();
    if (octave === place.octaves.at(-1)) visit(place.slug, place.octaves[0]);
    dive.setAttribute("aria-pressed", "true");
    dive.textContent = "Stop";
    go(1);
    diving = setInterval(() => go(1) || stop(), DIVE);
  });
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, textarea, select, pre, [role=slider], .surface")) return;
    const box = section.getBoundingClientRect();
    if (box.bottom < 0 || box.top > innerHeight) return;
    const inside = section.contains(document.activeElement);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const side = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const by = { "+": 0.5, "=": 0.5, "-": -0.5 }[event.key];
    if (step) go(step);
    else if (by) glide(Math.max(place.octaves[0], Math.min(place.octaves.at(-1) + BEYOND, aim + by)));
    else if (event.key === "0") glide(octave, true);
    else if (event.key === "s") arrange(swipe.shown ? "side" : "swipe");
    else if (side && inside) visit(places[(places.indexOf(place) + side + places.length) % places.length].slug);
    else return;
    stop();
    event.preventDefault();
  });
  new ResizeObserver(redraw).observe(section);
  new IntersectionObserver(([{ isIntersecting }]) => {
    inSight = isIntersecting;
    sharpen();
  }).observe(section);
  const asked = new URLSearchParams(location.search).get("view");
  if (asked ? asked === "swipe" : usual) arrange("swipe");
  redraw();
}
