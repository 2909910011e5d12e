// Written by `--npm`: the address of each file, by its path in the bundle.
declare const files: Record<string, string>;
export default files;
