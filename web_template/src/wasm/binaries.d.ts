// What build.js makes, as texts: web_template/kernels in hexadecimal digits, and scripts.
declare module "kernels:wasm" {
  const code: string;
  export default code;
}
declare module "built:*" {
  const code: string;
  export default code;
}
