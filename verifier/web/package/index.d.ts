/** Checks Pleat proofs; see README.md. */

export type Bytes = Uint8Array | ArrayBuffer;
export type Source = Bytes | URL | string;

export class Verifier {
  /**
   * @param module `pleat_verifier.wasm`, compiled
   * @param key `pleat_verifier.key`, read when the first proof of the mode `chain` needs it; by default, the file of this package
   */
  constructor(module: WebAssembly.Module, key?: Source);

  /** From bytes or addresses; by default, from the files of this package. The key is read when it is needed, if ever. */
  static load(sources?: { wasm?: Source; key?: Source }): Promise<Verifier>;

  /** Derives what models with rows of `2 ** rowBits` cells need, ahead of the first proof. */
  prepare(rowBits: number): void;

  /** As `prepare`, for proofs about this model (`.vmodel`). Nothing happens if it is none: `check` says why. */
  prepareFor(model: Bytes): void;

  /**
   * Checks a proof, in the calling thread. Loads the key first if the proof is of the mode `chain`.
   * @param model a verification model (`.vmodel`)
   * @param proof a proof
   * @param options.modelId demand this model id: 64 hexadecimal digits, from someone you trust
   * @throws what `loadKey` throws
   */
  check(model: Bytes, proof: Bytes, options?: { modelId?: string }): Promise<Valid | Refused | Unchecked>;

  /**
   * As `check`, at once.
   * @throws if the proof is of the mode `chain` and `loadKey` was not awaited
   */
  verify(model: Bytes, proof: Bytes, options?: { modelId?: string }): Valid | Refused | Unchecked;

  /** Whether `verify` would need the key: the proof is of the mode `chain`, and the key is not loaded. */
  needsKey(proof: Bytes): boolean;

  /**
   * Loads the key, once.
   * @param source in place of the one that this verifier was made with
   * @throws if it cannot be read, or is not the one that this version pins
   */
  loadKey(source?: Source): Promise<void>;
}

/** The proof holds. */
export interface Valid extends Verdict {
  valid: true;
  model_id: string;
  /** How the proof hides and proves: by committed steps, or by Nova's chain. */
  fold: 'tree' | 'chain';
  input: Tensor[];
  output: Tensor[];
  /** Public indices, given and answers; absent if the model has none. */
  indices?: Indices[];
  check: null;
  reason: null;
}

/** The proof is refused: it proves nothing. */
export interface Refused extends Verdict {
  valid: false;
  /** Of the model it was checked against; `null` if the check was aborted. */
  model_id: string | null;
  fold: null;
  input: null;
  output: null;
  check: Check;
  /** In words. */
  reason: string;
}

/** Nothing can be said of the proof: the model file or the demanded model id is not one. */
export interface Unchecked {
  error: string;
}

/** The check that refused. */
export type Check =
  | 'demand/model-id'
  | 'format'
  | 'other-model'
  | 'index-range'
  | 'agreement'
  | 'shares'
  | 'constraints'
  | 'products'
  | 'steps-opening'
  | 'nova-format'
  | 'nova'
  | 'end-state'
  | 'opening'
  | 'aborted';

export interface Verdict {
  valid: boolean;
  seconds: { setup: number; verify: number; total: number };
  /** Never set here; `pleat-verify --opened` sets it. */
  opened: null;
}

/** A public tensor of indices. */
export interface Indices {
  name: string;
  /** Whether it is part of the question, or what the proof is about. */
  role: 'given' | 'answer';
  shape: number[];
  /** Row-major. */
  values: number[];
}

/** An input or output of the network. */
export interface Tensor {
  name: string;
  shape: number[];
  /** Whether the proof hides its values. */
  hidden: boolean;
  /** Real values, row-major: integer times scale. */
  values: number[] | null;
  /** The integers that the proof is about. */
  integers: number[] | null;
  /** Real value of one integer unit. */
  scale: number;
}
