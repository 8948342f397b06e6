// The race of the home page: four films on one clock. The sheet holds a row for each runner, a column for each moment.

const WHOLE = 10_000;

export function race(section) {
  const { seconds, runners } = JSON.parse(section.dataset.race);
  const slider = section.querySelector("input"), play = section.querySelector("button"), clock = section.querySelector("[data-out=clock]");
  const images = [...section.querySelectorAll("img")], outs = [...section.querySelectorAll("[data-out=octaves]")];
  const last = seconds.length - 1;
  let playing = 0, sheet = null;

  // The whole film is loaded when somebody wants to see it.
  async function load() {
    if (sheet) return sheet;
    const one = new Image();
    one.src = section.dataset.film;
    await one.decode();
    sheet = one;
    for (const image of images) {
      image.src = one.src;
      image.classList.add("film");
    }
    return one;
  }

  function show(index) {
    section.style.setProperty("--column", index);
    section.style.setProperty("--columns", seconds.length);
    clock.textContent = `${seconds[index].toFixed(1)} s`;
    slider.setAttribute("aria-valuetext", clock.textContent);
    outs.forEach((out, k) => (out.textContent = `${runners[k].octaves[index].toFixed(1)} octaves`));
  }

  function stop() {
    clearInterval(playing);
    playing = 0;
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
  }

  slider.addEventListener("input", async () => {
    stop();
    await load();
    show(Number(slider.value));
  });
  play.addEventListener("click", async () => {
    if (playing) return stop();
    await load();
    if (Number(slider.value) === last) slider.value = 0;
    show(Number(slider.value));
    play.textContent = "Stop";
    play.setAttribute("aria-pressed", "true");
    playing = setInterval(() => {
      const next = Number(slider.value) + 1;
      if (next > last) return stop();
      slider.value = next;
      show(next);
    }, WHOLE / seconds.length);
  });
}
