// The film of a training: a slider over its frames, a button that plays them, and a choice of speed.
// A whole film takes this long at normal speed, with no frame shorter or longer than the bounds.
const WHOLE = 9000;
const SHORTEST = 60;
const LONGEST = 1100;

export function film(section) {
  const image = section.querySelector("img.screen") ?? section.querySelector("img");
  const slider = section.querySelector("input[type=range]");
  const play = section.querySelector("button");
  const out = section.querySelector("[data-out=frame]");
  const speed = section.querySelector(".speed");
  const moment = section.querySelector("[data-out=moment]");
  const captions = JSON.parse(section.dataset.captions ?? "[]");
  const count = Number(section.dataset.frames);
  const frame = () => Math.max(SHORTEST, Math.min(LONGEST, WHOLE / count)) / Number(speed?.value || 1);
  const held = new Map();
  let playing = 0;
  // A single frame is a picture.
  if (!slider) return;

  function load(index) {
    if (!held.has(index) && index < count) {
      const one = new Image();
      one.src = section.dataset.film.replace("0.png", `${index}.png`);
      held.set(index, one);
    }
    return held.get(index);
  }

  function show(index) {
    const one = load(index);
    for (let k = 1; k <= 6; k++) load(index + k);
    const draw = () => Number(slider.value) === index && (image.src = one.src);
    if (one.complete) draw();
    else one.onload = draw;
    out.textContent = `${index + 1} of ${count}`;
    if (moment) moment.textContent = captions[index] ?? "";
    slider.setAttribute("aria-valuetext", `frame ${index + 1} of ${count}${captions[index] ? `, ${captions[index]}` : ""}`);
  }

  function stop() {
    clearTimeout(playing);
    playing = 0;
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
  }

  slider.addEventListener("input", () => {
    stop();
    show(Number(slider.value));
  });
  play.addEventListener("click", () => {
    if (playing) return stop();
    if (Number(slider.value) === count - 1) slider.value = 0;
    play.textContent = "Stop";
    play.setAttribute("aria-pressed", "true");
    show(Number(slider.value));
    const step = () => {
      const index = Number(slider.value) + 1;
      if (index >= count) return stop();
      // The film waits for a frame that is still loading.
      if (load(index).complete) {
        slider.value = index;
        show(index);
      }
      playing = setTimeout(step, frame());
    };
    playing = setTimeout(step, frame());
  });
}
