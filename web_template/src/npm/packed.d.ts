// Written by `--npm`: the same files in one text, as src/carried.js takes it apart.
declare const text: string;
export default text;
