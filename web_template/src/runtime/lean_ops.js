// The ops that MobileNet V1, V2 and V3 graphs call, fused or not; every other graph gets the worker with all of them.
import { conv2d as fusedConv2d } from "@tensorflow/tfjs-core/dist/ops/fused/conv2d.js";
import { depthwiseConv2d as fusedDepthwise } from "@tensorflow/tfjs-core/dist/ops/fused/depthwise_conv2d.js";
import { matMul as fusedMatMul } from "@tensorflow/tfjs-core/dist/ops/fused/mat_mul.js";

export const fused = { conv2d: fusedConv2d, depthwiseConv2d: fusedDepthwise, matMul: fusedMatMul };
export { add } from "@tensorflow/tfjs-core/dist/ops/add.js";
export { avgPool } from "@tensorflow/tfjs-core/dist/ops/avg_pool.js";
export { batchNorm } from "@tensorflow/tfjs-core/dist/ops/batchnorm.js";
export { cast } from "@tensorflow/tfjs-core/dist/ops/cast.js";
export { clipByValue } from "@tensorflow/tfjs-core/dist/ops/clip_by_value.js";
export { concat } from "@tensorflow/tfjs-core/dist/ops/concat.js";
export { conv2d } from "@tensorflow/tfjs-core/dist/ops/conv2d.js";
export { depthwiseConv2d } from "@tensorflow/tfjs-core/dist/ops/depthwise_conv2d.js";
export { div } from "@tensorflow/tfjs-core/dist/ops/div.js";
export { expandDims } from "@tensorflow/tfjs-core/dist/ops/expand_dims.js";
export { matMul } from "@tensorflow/tfjs-core/dist/ops/mat_mul.js";
export { maxPool } from "@tensorflow/tfjs-core/dist/ops/max_pool.js";
export { maximum } from "@tensorflow/tfjs-core/dist/ops/maximum.js";
export { mean } from "@tensorflow/tfjs-core/dist/ops/mean.js";
export { minimum } from "@tensorflow/tfjs-core/dist/ops/minimum.js";
export { mul } from "@tensorflow/tfjs-core/dist/ops/mul.js";
export { pad } from "@tensorflow/tfjs-core/dist/ops/pad.js";
export { relu } from "@tensorflow/tfjs-core/dist/ops/relu.js";
export { relu6 } from "@tensorflow/tfjs-core/dist/ops/relu6.js";
export { reshape } from "@tensorflow/tfjs-core/dist/ops/reshape.js";
export { scalar } from "@tensorflow/tfjs-core/dist/ops/scalar.js";
export { sigmoid } from "@tensorflow/tfjs-core/dist/ops/sigmoid.js";
export { slice } from "@tensorflow/tfjs-core/dist/ops/slice.js";
export { softmax } from "@tensorflow/tfjs-core/dist/ops/softmax.js";
export { squeeze } from "@tensorflow/tfjs-core/dist/ops/squeeze.js";
export { stack } from "@tensorflow/tfjs-core/dist/ops/stack.js";
export { stridedSlice } from "@tensorflow/tfjs-core/dist/ops/strided_slice.js";
export { sub } from "@tensorflow/tfjs-core/dist/ops/sub.js";
export { tensor1d } from "@tensorflow/tfjs-core/dist/ops/tensor1d.js";
export { transpose } from "@tensorflow/tfjs-core/dist/ops/transpose.js";

/** Names of graph nodes that these ops execute. */
export const LEAN_OPS = new Set([
  "Add",
  "AddV2",
  "AvgPool",
  "BatchMatMul",
  "BatchMatMulV2",
  "BiasAdd",
  "Cast",
  "ClipByValue",
  "ConcatV2",
  "Const",
  "Conv2D",
  "DepthwiseConv2dNative",
  "Div",
  "ExpandDims",
  "FusedBatchNorm",
  "FusedBatchNormV2",
  "FusedBatchNormV3",
  "FusedDepthwiseConv2dNative",
  "Identity",
  "MatMul",
  "MaxPool",
  "Maximum",
  "Mean",
  "Minimum",
  "Mul",
  "NoOp",
  "Pack",
  "Pad",
  "PadV2",
  "Placeholder",
  "PlaceholderWithDefault",
  "RealDiv",
  "Relu",
  "Relu6",
  "Reshape",
  "Shape",
  "Sigmoid",
  "Slice",
  "Softmax",
  "Squeeze",
  "StopGradient",
  "StridedSlice",
  "Sub",
  "Transpose",
  "_FusedConv2D",
  "_FusedMatMul",
]);
