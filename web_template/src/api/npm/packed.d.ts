// Written by `--npm`: the same files in one text, as src/loading/inlined_files.js takes it apart.
declare const text: string;
export default text;
