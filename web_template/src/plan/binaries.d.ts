// What build.js makes, as texts: binaries from web_template/kernels in hexadecimal digits, and scripts.
declare module "kernels:*" {
  const code: string;
  export default code;
}
declare module "built:*" {
  const code: string;
  export default code;
}
