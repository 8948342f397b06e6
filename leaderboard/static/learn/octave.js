// "What is an octave?": a slider that zooms by two at each step.

import { controls } from "./figure.js";

const figure = document.querySelector(".octave-figure"), image = figure.querySelector("img"), says = figure.querySelector("[data-out=says]");
const address = (octave) => `${figure.dataset.truth}${octave}.png`;

let wanted = -1;
controls(figure.querySelector("form"), ({ octave }) => {
  wanted = octave;
  says.textContent = `Octave ${octave}: ${(2 ** octave).toLocaleString("en")}×, a view ${+(4 / 2 ** octave).toPrecision(4)} wide.`;
  const next = new Image();
  next.src = address(octave);
  next.onload = () => {
    if (wanted !== octave) return;
    image.src = next.src;
    image.alt = `The Mandelbrot set, octave ${octave}`;
  };
});
