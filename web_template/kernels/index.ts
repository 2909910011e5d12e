// Convolutional networks and pictures on plain memory: channels last, addresses in bytes. The caller lays out the memory.
export { depthwise } from "./depthwise";
export { bound, combine, mean, widen } from "./elements";
export { gemm, rowsPerTile } from "./gemm";
export { patches, spread } from "./patches";
export { resizeColumns, resizeRows } from "./resize";
export { corner, sums } from "./strassen";
export { dequantize, panels } from "./weights";
