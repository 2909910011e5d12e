// Pictures of nothing in particular, drawn on the spot, for a class of what is none of the others: walls, skies, stripes, clutter.

const SIDE = 192;
/** How many: as many as a class that was recorded for some seconds. */
export const COUNT = 24;

/** @typedef {OffscreenCanvasRenderingContext2D} Context @typedef {() => number} Random 0..1 */

/**
 * The same pictures every time.
 * @returns {AsyncGenerator<Blob>}
 */
export async function* nonePictures() {
  const random = seeded(20);
  const kinds = [gradient, leaves, stripes, noise];
  for (let i = 0; i < COUNT; i++) {
    const canvas = new OffscreenCanvas(SIDE, SIDE);
    const context = /** @type {Context} */ (canvas.getContext("2d"));
    kinds[i % kinds.length](context, random);
    // As a lens out of focus would.
    if (i % 3 === 2) context.filter = "blur(4px)";
    context.drawImage(canvas, 0, 0);
    yield canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
  }
}

/** Mulberry32. @param {number} seed @returns {Random} */
function seeded(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Mostly the grays and browns of rooms. @param {Random} random */
const color = (random) => `hsl(${360 * random()} ${60 * random() ** 2}% ${8 + 84 * random()}%)`;

/** @param {Context} context @param {Random} random */
function gradient(context, random) {
  const paint = context.createLinearGradient(0, 0, SIDE * random(), SIDE * random() + 1);
  for (const stop of [0, 0.3 + 0.4 * random(), 1]) paint.addColorStop(stop, color(random));
  context.fillStyle = paint;
  context.fillRect(0, 0, SIDE, SIDE);
}

/**
 * Discs that cover each other, of sizes as things have them in photographs (Lee, Mumford and Huang 2001, "Occlusion models for
 * natural images").
 * @param {Context} context @param {Random} random
 */
function leaves(context, random) {
  gradient(context, random);
  for (let i = 0; i < 160; i++) {
    context.fillStyle = color(random);
    context.beginPath();
    const radius = 4 / Math.sqrt(random() + 0.002);
    context.ellipse(SIDE * random(), SIDE * random(), radius, radius * (0.4 + random()), 3 * random(), 0, 7);
    context.fill();
  }
}

/** @param {Context} context @param {Random} random */
function stripes(context, random) {
  gradient(context, random);
  context.translate(SIDE / 2, SIDE / 2);
  context.rotate(3 * random());
  const step = 6 + 40 * random();
  context.fillStyle = color(random);
  for (let x = -SIDE; x < SIDE; x += 2 * step) context.fillRect(x, -SIDE, step, 2 * SIDE);
  if (random() > 0.5) for (let y = -SIDE; y < SIDE; y += 2 * step) context.fillRect(-SIDE, y, 2 * SIDE, step / 2);
  context.resetTransform();
}

/** @param {Context} context @param {Random} random */
function noise(context, random) {
  gradient(context, random);
  const grain = 2 + Math.floor(14 * random());
  for (let y = 0; y < SIDE; y += grain) {
    for (let x = 0; x < SIDE; x += grain) {
      context.fillStyle = `rgb(0 0 0 / ${(50 * random()).toFixed(0)}%)`;
      context.fillRect(x, y, grain, grain);
    }
  }
}
