/** What can be classified. Files are read as they are stored: EXIF orientation applied, colors not managed. */
export type Source =
  Blob | ImageBitmap | ImageData | HTMLImageElement | HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas;

export type ErrorCode =
  | "unreachable"
  | "tampered"
  | "contract"
  | "no-wasm"
  | "old-browser"
  | "no-worker"
  | "model"
  | "wrong-answer"
  | "altered-pictures"
  | "picture"
  | "source"
  | "disposed";

export class PagesightError extends Error {
  readonly code: ErrorCode;
  /** The file concerned, relative to the bundle. */
  readonly file?: string;
}

export interface Contract {
  format: 1;
  name: string;
  title?: string;
  /** Column i of the probabilities is labels[i]. */
  labels: string[];
  input: {
    side: number;
    channels: 1 | 3;
    crop: "center-square" | "squash";
    resize: "triangle";
    range: [number, number];
  };
  /** Tensor names in the graph. */
  outputs: { probabilities: string; embedding?: string | null; features?: string | null };
  /** The temperature is already in the graph; below the threshold an answer is 'not sure'. */
  decision: {
    temperature: number;
    threshold: number;
    /** multilabel: each label is independent of the others, and probabilities do not sum to 1 */
    kind?: "single" | "multilabel";
  };
  model: { format: "tfjs-graph-model"; path: string };
  files: Record<string, { bytes: number; sha256: string }>;
  samples?: { path: string; label: string }[];
  /** A picture of the bundle and what the model must answer (within 1e-3); checked on load. */
  golden?: { path: string; sha256?: string; probabilities: number[] };
  /** Of the page's words, a BCP 47 tag. */
  language?: string;
  /** Where the model lies in other formats, relative to the bundle. */
  also?: Record<string, string>;
}

export interface Answer {
  label: string;
  /** 0..1 */
  probability: number;
  /** Whether it is as probable as the contract wants an answer to be. */
  sure: boolean;
}

export interface ClassifyOptions {
  /** So many answers; all classes when it is left out. */
  topK?: number;
  /** Gives up: what is awaited is refused with its reason. */
  signal?: AbortSignal;
}

export interface Prediction {
  /** [classes], in the order of contract.labels; they sum to 1, but where each label is independent of the others (multilabel) */
  probabilities: Float32Array;
  /** [d] */
  embedding?: Float32Array;
  /** Last feature map, shape [1, h, w, d] */
  features?: { data: Float32Array; shape: number[] };
  /** Spent in the forward pass. */
  milliseconds: number;
}

export interface Explanation {
  /** [classes] */
  probabilities: Float32Array;
  /** [height × width], row by row, 0..1: how far each place of the square spoke for the first answer. */
  map: Float32Array;
  width: number;
  height: number;
  milliseconds: number;
}

export interface Square {
  /** width × height × channels, row by row, 0..255 */
  data: Uint8ClampedArray<ArrayBuffer>;
  width: number;
  height: number;
  channels: 1 | 3;
}

export interface LoadOptions {
  /** Refuse any other contract.json than this one (64 hexadecimal digits). */
  contractSha256?: string;
  /** Gives up: load() is refused with its reason, and what was begun is ended once its files are in. */
  signal?: AbortSignal;
  /** Bytes of the model and runtime that are in and checked. */
  onProgress?: (loaded: number, total: number) => void;
  /** Files that lie elsewhere than under `base`, by their path in the bundle: the file itself, or its address. */
  files?: Record<string, Blob | string>;
}

/** WebAssembly; the same by TF.js, for graphs that no MobileNet has; a graphics card. */
export type Backend = "wasm" | "tfjs-wasm" | "webgpu" | "webgl";

export interface GpuOptions {
  /** To try, in this order. When left out: those that the browser offers on real hardware. */
  backends?: ("webgpu" | "webgl")[];
  /** How many times faster than WebAssembly it must be, 1.2 when left out; 0 takes whatever answers rightly. */
  margin?: number;
  /** It failed later: WebAssembly answers again, the picture that was under way included. */
  onFallback?: (reason: PagesightError) => void;
}

export interface GpuAttempt {
  backend: "webgpu" | "webgl";
  /** It answers from now on; was slower; answered otherwise than WebAssembly or the bundle's own picture; did not run. */
  verdict: "taken" | "slower" | "wrong" | "failed";
  /** What the browser calls the graphics card. */
  device?: string;
  /** Median of a forward pass, reading the answer back included. */
  milliseconds?: number;
  /** WebAssembly's median, asked in turn with it. */
  wasm?: number;
  /** The output that differs, or what went wrong. */
  message?: string;
}

export interface GpuTrial {
  /** What answers from now on. */
  backend: Backend;
  /** Empty where the browser offers no graphics card, or the model has operations that only TF.js' WASM kernels run. */
  attempts: GpuAttempt[];
}

export class Classifier {
  private constructor();
  readonly contract: Contract;
  /** What computes the next answer: WebAssembly, until tryGpu() finds something faster. */
  readonly backend: Backend;
  /** All classes, or the topK most probable ones, the most probable first. */
  classify(source: Source, options?: ClassifyOptions): Promise<Answer[]>;
  /** One after the other, in their order; a source that cannot be read stops none of the others. */
  classifyMany(
    sources: Iterable<Source>,
    options?: ClassifyOptions,
  ): Promise<({ answers: Answer[]; error?: undefined } | { error: PagesightError; answers?: undefined })[]>;
  /** An answer for each frame that there is time for, until the video ends or the signal says so. */
  stream(video: HTMLVideoElement, options?: ClassifyOptions): AsyncGenerator<Answer[], void, void>;
  /** [d], what the model's last layer looks at. */
  embed(source: Source): Promise<Float32Array>;
  /** Everything of one forward pass. */
  predict(source: Source): Promise<Prediction>;
  /** As predict(), with the probabilities alone: what a stream of frames needs. */
  predictProbabilities(source: Source): Promise<Prediction>;
  /** What a new head is trained on: mean and maximum of the last feature map, or the embedding where there is no map. */
  extractFeatures(source: Source): Promise<{ vector: Float32Array; milliseconds: number }>;
  /** Whether extractFeatures() works, and so whether new classes can be taught. */
  readonly canDescribe: boolean;
  /** The answer, and where in the picture the model saw it. */
  explain(source: Source): Promise<Explanation>;
  /** The exact pixels that the model sees. */
  square(source: Source): Promise<Square>;
  /** Probabilities in the order of contract.labels -> answers, the most probable first. */
  rank(probabilities: Float32Array): Answer[];
  /**
   * Asks the machine's graphics card, compares its answers with WebAssembly's, and takes it where it is right and faster. Answers
   * go on meanwhile. Worth it from some 10 ms a picture; its worker (some 100 KB after gzip) is fetched when this is called.
   */
  tryGpu(options?: GpuOptions): Promise<GpuTrial>;
  /** Leaves the graphics card again. */
  useWasm(): void;
  /** What WebAssembly holds, the weights included. */
  memory(): Promise<{ numTensors: number; numBytes: number }>;
  /** Ends the worker and frees all memory. */
  dispose(): void;
}

/**
 * Loads the classifier of the bundle at `base`: its folder, with or without '/' at the end, or any file in it.
 * Every file is checked against contract.json before it is used.
 */
export function load(base?: string | URL, options?: LoadOptions): Promise<Classifier>;

/**
 * `<pagesight-classifier src="digits/" top-k="3" camera>Choose or drop a picture</pagesight-classifier>`, defined by importing
 * `pagesight-element.js`.
 *
 * Attributes: `src`, the bundle's folder, on any origin (the page's own folder where it is left out); `top-k`, how many answers
 * an event carries; `camera`, to offer the camera beside pictures.
 * Slots: the default one, what the place to drop says; `camera`, what the camera's button says.
 * Parts, for styles: `drop`, `picture`, `camera`, `video`, `cameras`, `loading`, `answer` and in it `detail`; `data-state` is
 * loading, ready, answer, not-sure or error.
 * Events: `ready`; `answer`, a CustomEvent<Answer[]>, for a picture or a frame; `failure`, a CustomEvent<Error>.
 */
export class PagesightClassifierElement extends HTMLElement {
  /** What answers where there is no `src`. */
  static loadOwn: () => Promise<Classifier>;
  /** Resolves when the model is ready. */
  readonly classifier: Promise<Classifier>;
  /** Answers, and shows the picture and the answer. */
  classify(source: Source): Promise<Answer[]>;
  /** Answers every frame of the camera until stopCamera(); resolves when it runs. */
  startCamera(deviceId?: string): Promise<void>;
  stopCamera(): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "pagesight-classifier": PagesightClassifierElement;
  }
  interface HTMLElementEventMap {
    answer: CustomEvent<Answer[]>;
    failure: CustomEvent<Error>;
  }
  /** Svelte's elements, where there is Svelte. */
  namespace svelteHTML {
    interface IntrinsicElements {
      "pagesight-classifier": {
        src?: string;
        "top-k"?: number | string;
        camera?: boolean | "";
        onready?: (event: Event) => void;
        onanswer?: (event: CustomEvent<Answer[]>) => void;
        onfailure?: (event: CustomEvent<Error>) => void;
        [attribute: string]: unknown;
      };
    }
  }
}
