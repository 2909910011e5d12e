// What every page does: load, answer one picture, and stand ready to be asked again.

/**
 * @typedef {object} Classifier
 * @property {(picture: Blob) => Promise<string>} answer the label of a picture file: decoding, cropping, resizing, inference
 * @property {() => Promise<number>} infer milliseconds of one inference alone, its result read back
 */

/** @param {() => Promise<Classifier>} load */
export async function start(load) {
  const picture = fetch("picture.jpg").then((response) => response.blob());
  try {
    const classifier = await load();
    const label = await classifier.answer(await picture);
    document.body.append(label);
    performance.mark("answer");
    console.debug("bench: answered");
    Object.assign(globalThis, { bench: classifier });
  } catch (error) {
    console.debug(`bench: failed ${error}`);
    Object.assign(globalThis, { failed: String(error) });
  }
}

/**
 * The center square of a picture, scaled by the canvas, as pages do it.
 * @param {number} side
 * @returns {(picture: Blob) => Promise<CanvasRenderingContext2D>}
 */
export function cropper(side) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  return async (picture) => {
    const bitmap = await createImageBitmap(picture);
    const edge = Math.min(bitmap.width, bitmap.height);
    const [left, top] = [(bitmap.width - edge) / 2, (bitmap.height - edge) / 2];
    context.drawImage(bitmap, left, top, edge, edge, 0, 0, side, side);
    bitmap.close();
    return context;
  };
}

/**
 * RGBA bytes as the float RGB that the models take, 0..255.
 * @param {CanvasRenderingContext2D} context
 * @param {Float32Array} into
 */
export function toFloats(context, into) {
  const { data } = context.getImageData(0, 0, context.canvas.width, context.canvas.height);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    into[to++] = data[from];
    into[to++] = data[from + 1];
    into[to++] = data[from + 2];
  }
  return into;
}

/** @param {ArrayLike<number>} values */
export function best(values) {
  let found = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[found]) found = i;
  return found;
}

/** @param {() => Promise<unknown>} work */
export async function timed(work) {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
