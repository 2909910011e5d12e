// Stands in for the op lists and executors that the lean worker leaves out.
/** @type {object[]} */
export const json = [];
export const executeOp = undefined;
