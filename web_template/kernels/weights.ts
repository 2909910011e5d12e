// Constants in the types they are stored in, made into the floats that the other kernels read.

/** As src/wasm/weights.js numbers the types. */
const FLOAT32: i32 = 0;
const UINT8: i32 = 1;
const UINT16: i32 = 2;
/** Columns of a panel, as in gemm.ts. */
const WIDE: usize = 8;

/** out[count] = stored[count] · scale + low, in doubles and rounded once, as TF.js does it; float32 and float16 are not scaled. */
export function dequantize(stored: usize, out: usize, count: usize, kind: i32, scale: f64, low: f64): void {
  if (kind == FLOAT32) {
    memory.copy(out, stored, count * 4);
    return;
  }
  let i: usize = 0;
  if (kind == UINT8) {
    for (; i + 4 <= count; i += 4) {
      const bytes = v128.load_zero<u32>(stored + i);
      const words = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes));
      const left = scaled(words, scale, low);
      const right = scaled(v128.shuffle<u64>(words, words, 1, 0), scale, low);
      v128.store(out + i * 4, v128.shuffle<u64>(left, right, 0, 2));
    }
  }
  for (; i < count; i++) {
    if (kind == UINT8) store<f32>(out + i * 4, <f32>(<f64>load<u8>(stored + i) * scale + low));
    else if (kind == UINT16) store<f32>(out + i * 4, <f32>(<f64>load<u16>(stored + i * 2) * scale + low));
    else store<f32>(out + i * 4, fromHalf(load<u16>(stored + i * 2)));
  }
}

/** The first two of `words` · scale + low, as two floats. */
function scaled(words: v128, scale: f64, low: f64): v128 {
  const exact = f64x2.add(f64x2.mul(f64x2.convert_low_i32x4_u(words), f64x2.splat(scale)), f64x2.splat(low));
  return f32x4.demote_f64x2_zero(exact);
}

/** IEEE 754 binary16 as a float. */
function fromHalf(half: u32): f32 {
  const sign = (half & 0x8000) << 16;
  const exponent = half & 0x7c00;
  const fraction = half & 0x3ff;
  // Subnormal numbers: fraction · 2^-24.
  if (exponent == 0) return reinterpret<f32>(sign | reinterpret<u32>(<f32>fraction * 5.960464477539063e-8));
  const wide = exponent == 0x7c00 ? 0x7f800000 : (exponent << 13) + 0x38000000;
  return reinterpret<f32>(sign | wide | (fraction << 13));
}

/** Rows of a matrix as gemm.ts wants them: `pitch` bytes from one panel of eight columns to the next, the last not filled up. */
export function panels(matrix: usize, out: usize, rows: usize, columns: usize, pitch: usize): void {
  for (let row: usize = 0; row < rows; row++, out += WIDE * 4) {
    let to = out;
    let left: usize = 0;
    for (; left + WIDE <= columns; left += WIDE, matrix += WIDE * 4, to += pitch) {
      v128.store(to, v128.load(matrix));
      v128.store(to, v128.load(matrix, 16), 16);
    }
    for (let i: usize = 0; left < columns; left++, i += 4, matrix += 4) store<f32>(to + i, load<f32>(matrix));
  }
}
