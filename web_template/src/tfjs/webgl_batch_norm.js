// The WebGL backend calls the kernel of FusedBatchNorm by another name than the others.
export { batchNormConfig as fusedBatchNormConfig } from "@tensorflow/tfjs-backend-webgl/dist/kernels/BatchNorm.js";
