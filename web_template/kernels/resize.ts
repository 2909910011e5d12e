// Pillow's Image.resize(BILINEAR) on 8-bit pixels, bit for bit: sums in 22-bit fixed point, rounded to 8 bits between the passes.
// Pixels are RGBA; a filter is what src/input/resize.js makes: for each output place its first input, how many, and `stride` weights.

const BITS: i32 = 22;
const HALF: i32 = 1 << (BITS - 1);

/** out[rows × places] from pixels[rows × width]: each row made as long as the filter. */
export function resizeRows(
  pixels: usize,
  out: usize,
  rows: i32,
  width: i32,
  places: i32,
  first: usize,
  count: usize,
  weights: usize,
  stride: i32,
): void {
  const half = i32x4.splat(HALF);
  for (let y = 0; y < rows; y++) {
    const row = pixels + y * width * 4;
    for (let x = 0; x < places; x++, out += 4) {
      let sum = half;
      let from = row + load<i32>(first + x * 4) * 4;
      let weight = weights + x * stride * 4;
      for (const end = weight + load<i32>(count + x * 4) * 4; weight < end; weight += 4, from += 4) {
        sum = i32x4.add(sum, i32x4.mul(widened(v128.load32_zero(from)), v128.load32_splat(weight)));
      }
      v128.store32_lane(out, narrowed(sum, sum, sum, sum), 0);
    }
  }
}

/** out[places × width] from pixels[… × width]: each column made as long as the filter. */
export function resizeColumns(
  pixels: usize,
  out: usize,
  width: i32,
  places: i32,
  first: usize,
  count: usize,
  weights: usize,
  stride: i32,
): void {
  const half = i32x4.splat(HALF);
  const pitch = width * 4;
  for (let y = 0; y < places; y++) {
    const start = pixels + load<i32>(first + y * 4) * pitch;
    const low = weights + y * stride * 4;
    const high = low + load<i32>(count + y * 4) * 4;
    // The memory behind the last row is the caller's to lend: sixteen bytes are read and written at a time.
    for (let x = 0; x < pitch; x += 16) {
      let from = start + x;
      let a = half;
      let b = half;
      let c = half;
      let d = half;
      for (let weight = low; weight < high; weight += 4, from += pitch) {
        const bytes = v128.load(from);
        const left = i16x8.extend_low_i8x16_u(bytes);
        const right = i16x8.extend_high_i8x16_u(bytes);
        const share = v128.load32_splat(weight);
        a = i32x4.add(a, i32x4.mul(i32x4.extend_low_i16x8_u(left), share));
        b = i32x4.add(b, i32x4.mul(i32x4.extend_high_i16x8_u(left), share));
        c = i32x4.add(c, i32x4.mul(i32x4.extend_low_i16x8_u(right), share));
        d = i32x4.add(d, i32x4.mul(i32x4.extend_high_i16x8_u(right), share));
      }
      v128.store(out + y * pitch + x, narrowed(a, b, c, d));
    }
  }
}

/** Four bytes as four words. */
function widened(bytes: v128): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes));
}

/** Sixteen sums as bytes within 0..255. */
function narrowed(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_u(
    i16x8.narrow_i32x4_s(i32x4.shr_s(a, BITS), i32x4.shr_s(b, BITS)),
    i16x8.narrow_i32x4_s(i32x4.shr_s(c, BITS), i32x4.shr_s(d, BITS)),
  );
}
