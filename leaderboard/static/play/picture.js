// A picture file as pixels. It is read in the browser and is never sent anywhere.

const MOST_BYTES = 40e6, MOST_PIXELS = 50e6, SIDE = 192;

/**
 * The middle square of a picture, at most 192 pixels wide: {width, height, pixels: RGBA bytes}.
 * @throws Error with a sentence for people, where the file is too large or no picture.
 */
export async function readPicture(file) {
  if (file.size > MOST_BYTES) throw new Error(`The file has ${Math.round(file.size / 1e6)} MB; at most ${MOST_BYTES / 1e6} MB can be read.`);
  let image;
  try {
    image = await createImageBitmap(file);
  } catch {
    throw new Error("The file is not a picture that this browser can read. PNG, JPEG and WebP work everywhere.");
  }
  try {
    const { width, height } = image;
    if (width * height > MOST_PIXELS) throw new Error(`The picture has ${Math.round((width * height) / 1e6)} megapixels; at most ${MOST_PIXELS / 1e6} can be read. Make it smaller first.`);
    const cut = Math.min(width, height), side = Math.min(SIDE, cut);
    const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.drawImage(image, (width - cut) / 2, (height - cut) / 2, cut, cut, 0, 0, side, side);
    return { width: side, height: side, pixels: pen.getImageData(0, 0, side, side).data };
  } finally {
    image.close();
  }
}
