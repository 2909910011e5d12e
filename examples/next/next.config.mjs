/** A site of static files, for any host. @type {import("next").NextConfig} */
export default { output: "export" };
