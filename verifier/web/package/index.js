// Checks Pleat proofs. The work is done by WebAssembly, in the calling thread: in a page, call it from a worker.

import { glue } from './glue.js';

/** The verifier: a compiled module, the running instance, and the key of the mode `chain` once it was needed. */
export class Verifier {
  #module;
  #source;
  #key;
  #loading;
  #instance;
  #holdsKey;

  /**
   * From a compiled module. The key is not looked at before it is needed.
   * @param {WebAssembly.Module} module
   * @param key bytes or an address; by default, the file beside this one.
   */
  constructor(module, key) {
    this.#module = module;
    this.#source = key;
    this.#running();
  }

  /** From files; without arguments, from those beside this one. Only the code is read now. */
  static async load({ wasm, key } = {}) {
    const code = await bytesOf(wasm ?? new URL('./pleat_verifier.wasm', import.meta.url));
    return new Verifier(await WebAssembly.compile(code), key);
  }

  /** Derives what models with rows of `2 ** rowBits` cells need, so that the first proof does not wait for it. */
  prepare(rowBits) {
    this.#guarded((instance) => instance.prepare(rowBits));
  }

  /** As `prepare`, for proofs about this model. */
  prepareFor(model) {
    const modelBytes = bytes(model);
    this.#guarded((instance) => instance.prepare_for(modelBytes));
  }

  /** Whether this is a proof of the mode `chain`, and its key is not loaded yet. */
  needsKey(proof) {
    return !this.#key && this.#isChain(bytes(proof));
  }

  /**
   * Loads the key that proofs of the mode `chain` need. Nothing happens if it is there already.
   * @param source bytes or an address, in place of the one that this was made with.
   * @throws {Error} if it is not the one that this version of the verifier pins.
   */
  async loadKey(source = this.#source) {
    if (this.#key) return;
    this.#loading ??= this.#readKey(source).finally(() => (this.#loading = undefined));
    await this.#loading;
  }

  /** As `verify`, but loads the key first if the proof needs it. */
  async check(model, proof, options) {
    if (this.needsKey(proof)) await this.loadKey();
    return this.verify(model, proof, options);
  }

  /**
   * Checks a proof. What it gives is described in index.d.ts, and is what `pleat-verify --json` prints.
   * @throws {Error} if the proof needs the key, and `loadKey` was not awaited.
   */
  verify(model, proof, { modelId } = {}) {
    if (modelId !== undefined && modelId !== null && typeof modelId !== 'string') throw new TypeError('modelId has to be a string');
    const [modelBytes, proofBytes] = [bytes(model), bytes(proof)];
    let result;
    try {
      if (this.#key && this.#isChain(proofBytes)) this.#giveKey(this.#key);
      result = JSON.parse(this.#guarded((instance) => instance.verify(modelBytes, proofBytes, modelId ?? undefined)));
    } catch (error) {
      return aborted(error);
    }
    if (result.check === 'no-chain-key') {
      throw new Error('this proof is of the mode `chain`, whose key is not loaded: await loadKey() first, or check() instead of verify()');
    }
    return result;
  }

  async #readKey(source) {
    const key = await bytesOf(source ?? new URL('./pleat_verifier.key', import.meta.url));
    this.#giveKey(key);
    this.#key = key;
  }

  #isChain(proof) {
    return this.#guarded((instance) => instance.is_chain(proof));
  }

  #giveKey(key) {
    this.#guarded((instance) => this.#holdsKey || instance.load_chain_key(key));
    this.#holdsKey = true;
  }

  #running() {
    if (!this.#instance) {
      const bindings = glue();
      bindings.initSync({ module: this.#module });
      this.#instance = new bindings.Verifier();
      this.#holdsKey = false;
    }
    return this.#instance;
  }

  // After a trap the instance's memory is in no known state; the next call makes a new one.
  #guarded(call) {
    try {
      return call(this.#running());
    } catch (error) {
      // What the code refuses, it says as text.
      if (typeof error === 'string') throw new Error(error);
      this.#instance = undefined;
      throw error;
    }
  }
}

function aborted(error) {
  return {
    valid: false,
    model_id: null,
    fold: null,
    seconds: { setup: 0, verify: 0, total: 0 },
    input: null,
    output: null,
    opened: null,
    check: 'aborted',
    reason: `the check was aborted: ${error instanceof Error ? error.message : error}`,
  };
}

function bytes(data) {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  throw new TypeError('a Uint8Array or an ArrayBuffer is needed');
}

async function bytesOf(source) {
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return bytes(source);
  const url = new URL(source, import.meta.url);
  if (url.protocol === 'file:') {
    const { readFile } = await import('node:fs/promises');
    return bytes(await readFile(url));
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return bytes(await response.arrayBuffer());
}
