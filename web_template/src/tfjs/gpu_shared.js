// What the GPU kernels compute on the CPU where their inputs are small and there already, without the barrel that drags in the rest.
export { simpleAbsImpl as simpleAbsImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Abs.js";
export { addImpl as addImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Add.js";
export { castImpl as castImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Cast.js";
export { concatImpl as concatImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Concat_impl.js";
export { expImpl as expImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Exp.js";
export { gatherV2Impl as gatherV2ImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/GatherV2_impl.js";
export { maxImpl as maxImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Max_impl.js";
export { maximumImpl as maximumImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Maximum.js";
export { minimumImpl as minimumImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Minimum.js";
export { multiplyImpl as multiplyImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Multiply.js";
export { notEqualImpl as notEqualImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/NotEqual.js";
export { prodImpl as prodImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Prod.js";
export { sigmoidImpl as sigmoidImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Sigmoid.js";
export { sliceImpl as sliceImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Slice.js";
export { stridedSliceImpl as stridedSliceImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/StridedSlice_impl.js";
export { subImpl as subImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Sub.js";
export { transposeImpl as transposeImplCPU } from "@tensorflow/tfjs-backend-cpu/dist/kernels/Transpose_impl.js";
