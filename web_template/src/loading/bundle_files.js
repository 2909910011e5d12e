// Written by `make schemas` from converter/pagesight/bundle_files.py, where each of these is explained.

export const FOR_GPUS = /^(worker_webgl\.js|worker_webgpu\.js|gpu\.js)$/;
export const ON_DEMAND = /^(worker_webgl\.js|worker_webgpu\.js|gpu\.js|single\.js)$/;
export const NOT_SERVED =
  /^(report\/.*|single-file\/.*|npm\/.*|also\/.*|package\.json|README\.md|THIRD_PARTY\.txt|manifest\.json|sw\.js|_headers|\..*)$/;
export const MAY_BE_MISSING = /^(samples\/.*|report\.html|report\.css|report\.data\.css)$/;
export const FOR_HOSTS = /^(THIRD_PARTY\.txt|_headers|\.nojekyll)$/;
export const PUBLISHED = /^(.*\.js|.*\.wasm|model\/.*)$/;
export const RUNTIME = /^(.*\.wasm|worker\.js|worker_lean\.js|worker_all\.js)$/;
export const ASIDE =
  /^(single\.js|samples\/.*|report\.json|report\.html|report\.css|report\.data\.css|report\/.*|single-file\/.*|npm\/.*|also\/.*|package\.json|README\.md|THIRD_PARTY\.txt)$/;
export const NOT_INLINED =
  /^(worker_webgl\.js|worker_webgpu\.js|gpu\.js|single\.js|report\.html|report\.css|report\.data\.css|report\/.*|single-file\/.*|npm\/.*|also\/.*|package\.json|README\.md|THIRD_PARTY\.txt)$/;
export const OF_THIS_MODEL =
  /^(samples\/.*|report\.html|report\.css|report\.data\.css|report\/.*|single-file\/.*|npm\/.*|also\/.*|package\.json|README\.md|manifest\.json)$/;
