// The WebGPU kernels behind lean_ops.js, registered one by one so that the others are not shipped.
import { registerKernel } from "@tensorflow/tfjs-core";
import { addConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Add.js";
import { avgPoolConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/AvgPool.js";
import { batchMatMulConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/BatchMatMul.js";
import { castConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Cast.js";
import { clipByValueConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/ClipByValue.js";
import { concatConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Concat.js";
import { conv2DConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Conv2D.js";
import { depthwiseConv2dNativeConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/DepthwiseConv2dNative.js";
import { expConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Exp.js";
import { expandDimsConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/ExpandDims.js";
import { fusedBatchNormConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/FusedBatchNorm.js";
import { fusedConv2DConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/FusedConv2D.js";
import { fusedDepthwiseConv2DConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/FusedDepthwiseConv2D.js";
import { gatherV2Config } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/GatherV2.js";
import { identityConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Identity.js";
import { maximumConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Maximum.js";
import { maxConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Max.js";
import { maxPoolConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/MaxPool.js";
import { meanConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Mean.js";
import { minimumConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Minimum.js";
import { multiplyConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Multiply.js";
import { packConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Pack.js";
import { padV2Config } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/PadV2.js";
import { realDivConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/RealDiv.js";
import { reluConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Relu.js";
import { relu6Config } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Relu6.js";
import { reshapeConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Reshape.js";
import { sigmoidConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Sigmoid.js";
import { sliceConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Slice.js";
import { softmaxConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Softmax.js";
import { splitVConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/SplitV.js";
import { stridedSliceConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/StridedSlice.js";
import { subConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Sub.js";
import { transposeConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Transpose.js";
import { unpackConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/Unpack.js";
import { _fusedMatMulConfig } from "@tensorflow/tfjs-backend-webgpu/dist/kernels/_FusedMatMul.js";

for (const kernel of [
  addConfig,
  avgPoolConfig,
  batchMatMulConfig,
  castConfig,
  clipByValueConfig,
  concatConfig,
  conv2DConfig,
  depthwiseConv2dNativeConfig,
  expandDimsConfig,
  expConfig,
  fusedBatchNormConfig,
  fusedConv2DConfig,
  fusedDepthwiseConv2DConfig,
  gatherV2Config,
  identityConfig,
  maximumConfig,
  maxConfig,
  maxPoolConfig,
  meanConfig,
  minimumConfig,
  multiplyConfig,
  packConfig,
  padV2Config,
  realDivConfig,
  relu6Config,
  reluConfig,
  reshapeConfig,
  sigmoidConfig,
  sliceConfig,
  softmaxConfig,
  splitVConfig,
  stridedSliceConfig,
  subConfig,
  transposeConfig,
  unpackConfig,
  _fusedMatMulConfig,
]) {
  registerKernel(kernel);
}
