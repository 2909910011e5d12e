// What build.js makes: binaries from web_template/kernels, and scripts as texts.
declare module "kernels:*" {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
declare module "built:*" {
  const code: string;
  export default code;
}
