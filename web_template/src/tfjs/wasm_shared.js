// What the WASM kernels share with the CPU backend, without the barrel that drags in the rest.
export { concatImpl as concatImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Concat_impl.js";
export { sliceImpl as sliceImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Slice.js";
