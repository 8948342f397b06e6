// The page that compares two entries.
import { zoom } from "./zoom.js";

document.documentElement.classList.add("js");
for (const section of document.querySelectorAll(".zoom")) zoom(section);
