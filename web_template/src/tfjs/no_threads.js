// Stands in for the threaded binary's loader, which is not shipped.
export default undefined;
export const wasmWorkerContents = "";
