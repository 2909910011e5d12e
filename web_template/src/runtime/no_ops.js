// Stands in for the op lists and executors that the lean worker leaves out.
export const json = [];
export const executeOp = undefined;
