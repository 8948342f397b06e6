// Truth, model and error at one place and octave; a step in or out grows from the picture before.
const KINDS = ["truth", "model", "error"];
const MILLISECONDS = 420;
const DIVE = 900;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export function zoom(section) {
  const { evaluation, places, skill } = JSON.parse(section.dataset.zoom);
  const slider = section.querySelector("input[type=range]");
  const dive = section.querySelector(".dive-button");
  const links = [...section.querySelectorAll("[data-place]")];
  const out = (name) => section.querySelector(`[data-out=${name}]`);
  let place = places.find((p) => links.some((a) => a.dataset.place === p.slug && a.getAttribute("aria-current"))) || places[0];
  let octave = Number(slider.value);
  let diving = 0;

  function address(kind, slug, k) {
    const two = String(k).padStart(2, "0");
    return kind === "truth" ? `/truth/${slug}/${k}.png` : `/evaluations/${evaluation}/${slug}/${two}/${kind}.png`;
  }

  function preload(k) {
    if (place.octaves.includes(k)) for (const kind of KINDS) new Image().src = address(kind, place.slug, k);
  }

  function draw(kind, step) {
    const old = section.querySelector(`img[data-kind=${kind}]`);
    const panel = old.parentElement;
    const fresh = old.cloneNode();
    const source = address(kind, place.slug, octave);
    panel.dataset.wanted = source;
    fresh.alt = `${kind} at ${place.name}, octave ${octave}`;
    fresh.onload = () => {
      if (panel.dataset.wanted !== source) return;
      panel.classList.remove("missing");
      panel.querySelectorAll("img").forEach((image) => image !== old && image.remove());
      panel.append(fresh);
      const remove = () => old.remove();
      if (calm.matches || Math.abs(step) !== 1) return remove();
      const timing = { duration: MILLISECONDS, easing: "cubic-bezier(.3, 0, .2, 1)", fill: "both" };
      const inner = step > 0 ? 0.5 : 2;
      fresh.animate([{ transform: `scale(${inner})`, opacity: 0 }, { opacity: 1, offset: 0.6 }, { transform: "none", opacity: 1 }], timing);
      old.animate([{ transform: "none" }, { transform: `scale(${1 / inner})` }], timing).onfinish = remove;
    };
    fresh.onerror = () => {
      if (panel.dataset.wanted === source) panel.classList.add("missing");
    };
    fresh.src = source;
  }

  function show(step = 0) {
    for (const kind of KINDS) draw(kind, step);
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
    out("octave").textContent = `Octave ${octave}`;
    out("factor").textContent = `${2 ** octave < 1e6 ? (2 ** octave).toLocaleString("en") : `${(2 ** octave / 1e6).toPrecision(3)} M`}×`;
    const [re, im] = place.centre;
    out("centre").textContent = `${re} ${im < 0 ? "−" : "+"} ${Math.abs(im)} i`;
    out("skill").textContent = octave in skill ? `skill at this octave ${skill[octave].toFixed(3)}` : "";
    out("sentence").textContent = place.sentence;
    const query = new URLSearchParams(location.search);
    query.set("place", place.slug);
    query.set("octave", octave);
    history.replaceState(null, "", `?${query}`);
    preload(octave + 1);
    preload(octave - 1);
  }

  function nearest(k) {
    return place.octaves.reduce((best, o) => (Math.abs(o - k) < Math.abs(best - k) ? o : best));
  }

  function go(step) {
    if (!place.octaves.includes(octave + step)) return false;
    octave += step;
    show(step);
    return true;
  }

  function visit(slug) {
    place = places.find((p) => p.slug === slug);
    octave = nearest(octave);
    show();
  }

  function stop() {
    clearInterval(diving);
    diving = 0;
    dive.setAttribute("aria-pressed", "false");
    dive.textContent = "Dive";
  }

  section.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-place]");
    const step = event.target.closest("[data-step]");
    if (!chip && !step) return;
    event.preventDefault();
    stop();
    if (chip) visit(chip.dataset.place);
    else go(Number(step.dataset.step));
  });
  slider.addEventListener("input", () => {
    stop();
    const before = octave;
    octave = nearest(Number(slider.value));
    show(octave - before);
  });
  dive.addEventListener("click", () => {
    if (diving) return stop();
    if (octave === place.octaves.at(-1)) octave = place.octaves[0] - 1;
    dive.setAttribute("aria-pressed", "true");
    dive.textContent = "Stop";
    go(1);
    diving = setInterval(() => go(1) || stop(), DIVE);
  });
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, textarea, select, pre")) return;
    const box = section.getBoundingClientRect();
    if (box.bottom < 0 || box.top > innerHeight) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const side = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      stop();
      go(step);
    } else if (side && section.contains(document.activeElement)) {
      stop();
      visit(places[(places.indexOf(place) + side + places.length) % places.length].slug);
    } else return;
    event.preventDefault();
  });
  preload(octave + 1);
  preload(octave - 1);
}
