// The frames of all runs as a film of some ten seconds, beside the truth.

import { ink } from "./paint.js";

const SIDE = 256, FRAMES_A_SECOND = 25, LENGTH = 10, CAPTION = 30;

/**
 * A WebM film.
 * @throws Error where there are too few frames, or the browser cannot record.
 */
export async function saveFilm(runs, page, truth) {
  if (runs[0].frames.length < 3) throw new Error("There is nothing to film yet: press play first.");
  if (!globalThis.MediaRecorder) throw new Error("This browser cannot record films.");
  const canvas = Object.assign(document.createElement("canvas"), { width: SIDE * (runs.length + 1), height: SIDE + CAPTION });
  const pen = canvas.getContext("2d"), chunks = [];
  const recorder = new MediaRecorder(canvas.captureStream(FRAMES_A_SECOND), { mimeType: "video/webm" });
  recorder.ondataavailable = ({ data }) => chunks.push(data);
  const over = new Promise((resolve) => { recorder.onstop = resolve; });
  const before = runs.map((run) => run.shown);
  recorder.start();
  const count = FRAMES_A_SECOND * LENGTH;
  for (let k = 0; k < count; k++) {
    pen.fillStyle = ink("ground");
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(truth, 0, 0, SIDE, SIDE);
    runs.forEach((run, n) => {
      // More of the film for the beginning, when most changes.
      run.draw(Math.round((k / (count - 1)) ** 2 * (run.frames.length - 1)));
      const { seconds, skills } = run.frames[run.shown];
      pen.drawImage(run.panel.querySelector("canvas.answer"), (n + 1) * SIDE, 0, SIDE, SIDE);
      pen.fillStyle = ink("ink");
      pen.font = "14px sans-serif";
      const octaves = skills ? ` · ${skills.reduce((a, b) => a + b, 0).toFixed(2)} octaves` : "";
      pen.fillText(`${seconds.toFixed(1)} s${octaves}`, (n + 1) * SIDE + 8, SIDE + 20);
    });
    await new Promise((resolve) => { setTimeout(resolve, 1000 / FRAMES_A_SECOND); });
  }
  recorder.stop();
  await over;
  runs.forEach((run, n) => run.draw(before[n]));
  return new Blob(chunks, { type: "video/webm" });
}
