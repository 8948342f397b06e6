// The page of a submission: live status, the zoom comparison, the skill curve.
import { film } from "./film.js";
import { follow } from "./live.js";
import { surface } from "./surface.js";
import { zoom } from "./zoom.js";

document.documentElement.classList.add("js");
for (const section of document.querySelectorAll(".live[data-events]")) follow(section);
for (const section of document.querySelectorAll(".zoom")) zoom(section);
for (const box of document.querySelectorAll(".surface")) surface(box);
for (const section of document.querySelectorAll(".film")) film(section);
for (const form of document.querySelectorAll("form.rival")) form.querySelector("select").addEventListener("change", () => form.requestSubmit());

const plot = document.querySelector(".curve .plot");
if (plot) {
  const readout = plot.querySelector(".readout");
  const read = (hit) => {
    for (const one of plot.querySelectorAll(".hit.on")) if (one !== hit) one.classList.remove("on");
    if (!hit) return;
    hit.classList.add("on");
    const rival = hit.dataset.rival ? `; ${readout.dataset.rival}: ${hit.dataset.rival}` : "";
    readout.textContent = `Octave ${hit.dataset.octave}: skill ${hit.dataset.skill} (95 % ${hit.dataset.interval})${rival}`;
  };
  plot.addEventListener("pointermove", (event) => read(event.target.closest(".hit")));
  read(plot.querySelector(".hit:hover")); // the pointer may rest there since before this script ran
}
