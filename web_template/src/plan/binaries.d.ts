// Binaries that build.js compiles from web_template/kernels.
declare module "kernels:*" {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
