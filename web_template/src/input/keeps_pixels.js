// Browsers that alter what pages read of canvases.
import { PagesightError } from "../errors.js";

/** Whether a canvas gives back what was put into it: some browsers add noise, against tracking, which no picture may be made of. */
export function keepsPixels() {
  const canvas = document.createElement("canvas");
  const image = new ImageData(64, 64);
  image.data.forEach((_, i, data) => (data[i] = i % 4 === 3 ? 255 : (i * 37) & 255));
  const paint = canvas.getContext("2d");
  paint?.putImageData(image, 0, 0);
  return paint?.getImageData(0, 0, 64, 64).data.every((value, i) => value === image.data[i]) ?? false;
}

/** Before a picture is made with a canvas. @throws {PagesightError} with code altered-pictures */
export function refuseAltered() {
  if (!keepsPixels()) throw new PagesightError("altered-pictures", "this browser alters what pages read of pictures");
}
