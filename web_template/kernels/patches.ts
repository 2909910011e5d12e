// Windows of a picture laid out as the rows of a matrix: a convolution becomes a product.

/**
 * out[columns × (size × size × channels)]: the windows of one output row, zero where they lie outside the picture.
 * Up to three floats behind `x` are read, and behind `out` written: src/wasm/plan_builder.js leaves room for them.
 * y, left: the windows' first row, and the columns that the first of them lies outside.
 */
export function patches(
  x: usize,
  out: usize,
  height: i32,
  width: i32,
  channels: i32,
  size: i32,
  stride: i32,
  y: i32,
  left: i32,
  columns: i32,
): void {
  const line = size * channels * 4;
  for (let column = 0; column < columns; column++) {
    const first = column * stride - left;
    const start = max(0, -first);
    const end = min(size, width - first);
    const inside = (end - start) * channels * 4;
    for (let i = 0; i < size; i++) {
      const row = y + i;
      const from = x + (row * width + first + start) * channels * 4;
      const outside = row < 0 || row >= height;
      if (outside || inside < line) memory.fill(out, 0, line);
      else for (let at = 0; at < line; at += 16) v128.store(out + at, v128.load(from + at));
      if (!outside && inside < line) copy(out + start * channels * 4, from, inside);
      out += line;
    }
  }
}

/** out[rows]: rows of `bytes` bytes, laid `pitch` bytes apart. */
export function spread(x: usize, out: usize, pitch: usize, rows: usize, bytes: usize): void {
  for (let row: usize = 0; row < rows; row++) memory.copy(out + row * pitch, x + row * bytes, bytes);
}

/** A few floats: shorter than what memory.copy is good at. */
function copy(to: usize, from: usize, bytes: usize): void {
  for (const end = from + bytes; from < end; from += 4, to += 4) store<f32>(to, load<f32>(from));
}
