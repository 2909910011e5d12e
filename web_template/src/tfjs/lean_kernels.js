// The kernels behind lean_ops.js, registered one by one so that the others are not shipped; build.js says of which backend.
import { registerKernel } from "@tensorflow/tfjs-core";
import { addConfig } from "tfjs-backend/dist/kernels/Add.js";
import { avgPoolConfig } from "tfjs-backend/dist/kernels/AvgPool.js";
import { batchMatMulConfig } from "tfjs-backend/dist/kernels/BatchMatMul.js";
import { castConfig } from "tfjs-backend/dist/kernels/Cast.js";
import { clipByValueConfig } from "tfjs-backend/dist/kernels/ClipByValue.js";
import { concatConfig } from "tfjs-backend/dist/kernels/Concat.js";
import { conv2DConfig } from "tfjs-backend/dist/kernels/Conv2D.js";
import { depthwiseConv2dNativeConfig } from "tfjs-backend/dist/kernels/DepthwiseConv2dNative.js";
import { expConfig } from "tfjs-backend/dist/kernels/Exp.js";
import { expandDimsConfig } from "tfjs-backend/dist/kernels/ExpandDims.js";
import { fusedBatchNormConfig } from "tfjs-backend/dist/kernels/FusedBatchNorm.js";
import { fusedConv2DConfig } from "tfjs-backend/dist/kernels/FusedConv2D.js";
import { fusedDepthwiseConv2DConfig } from "tfjs-backend/dist/kernels/FusedDepthwiseConv2D.js";
import { gatherV2Config } from "tfjs-backend/dist/kernels/GatherV2.js";
import { identityConfig } from "tfjs-backend/dist/kernels/Identity.js";
import { maximumConfig } from "tfjs-backend/dist/kernels/Maximum.js";
import { maxConfig } from "tfjs-backend/dist/kernels/Max.js";
import { maxPoolConfig } from "tfjs-backend/dist/kernels/MaxPool.js";
import { meanConfig } from "tfjs-backend/dist/kernels/Mean.js";
import { minimumConfig } from "tfjs-backend/dist/kernels/Minimum.js";
import { multiplyConfig } from "tfjs-backend/dist/kernels/Multiply.js";
import { packConfig } from "tfjs-backend/dist/kernels/Pack.js";
import { padV2Config } from "tfjs-backend/dist/kernels/PadV2.js";
import { realDivConfig } from "tfjs-backend/dist/kernels/RealDiv.js";
import { reluConfig } from "tfjs-backend/dist/kernels/Relu.js";
import { relu6Config } from "tfjs-backend/dist/kernels/Relu6.js";
import { reshapeConfig } from "tfjs-backend/dist/kernels/Reshape.js";
import { sigmoidConfig } from "tfjs-backend/dist/kernels/Sigmoid.js";
import { sliceConfig } from "tfjs-backend/dist/kernels/Slice.js";
import { softmaxConfig } from "tfjs-backend/dist/kernels/Softmax.js";
import { splitVConfig } from "tfjs-backend/dist/kernels/SplitV.js";
import { stridedSliceConfig } from "tfjs-backend/dist/kernels/StridedSlice.js";
import { subConfig } from "tfjs-backend/dist/kernels/Sub.js";
import { transposeConfig } from "tfjs-backend/dist/kernels/Transpose.js";
import { unpackConfig } from "tfjs-backend/dist/kernels/Unpack.js";
import { _fusedMatMulConfig } from "tfjs-backend/dist/kernels/_FusedMatMul.js";

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
