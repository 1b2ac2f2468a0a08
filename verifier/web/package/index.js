// Checks Pleat proofs. The work is done by WebAssembly, in the calling thread: in a page, call it from a worker.

import { glue } from './glue.js';

/** The verifier: a compiled module, the key that all models share, and the running instance. */
export class Verifier {
  #module;
  #key;
  #instance;

  /**
   * From a compiled module and the bytes of the key.
   * @throws {Error} if the key is not the one that this version of the verifier pins.
   */
  constructor(module, key) {
    this.#module = module;
    this.#key = key;
    this.#running();
  }

  /** From files; without arguments, from those beside this one. */
  static async load({ wasm, key } = {}) {
    const [code, bytes] = await Promise.all([
      bytesOf(wasm ?? new URL('./pleat_verifier.wasm', import.meta.url)),
      bytesOf(key ?? new URL('./pleat_verifier.key', import.meta.url)),
    ]);
    return new Verifier(await WebAssembly.compile(code), bytes);
  }

  /** Derives what models with rows of `2 ** rowBits` cells need, so that the first proof does not wait for it. */
  prepare(rowBits) {
    this.#guarded((instance) => instance.prepare(rowBits));
  }

  /** Checks a proof. What it gives is described in index.d.ts, and is what `pleat-verify --json` prints. */
  verify(model, proof, { modelId } = {}) {
    if (modelId !== undefined && modelId !== null && typeof modelId !== 'string') throw new TypeError('modelId has to be a string');
    const [modelBytes, proofBytes] = [bytes(model), bytes(proof)];
    const text = this.#guarded((instance) => instance.verify(modelBytes, proofBytes, modelId ?? undefined));
    return typeof text === 'string' ? JSON.parse(text) : aborted(text);
  }

  #running() {
    if (!this.#instance) {
      const bindings = glue();
      bindings.initSync({ module: this.#module });
      try {
        this.#instance = new bindings.Verifier(this.#key);
      } catch (reason) {
        throw reason instanceof Error ? reason : new Error(String(reason));
      }
    }
    return this.#instance;
  }

  // After a trap the instance's memory is in no known state; the next call makes a new one.
  #guarded(call) {
    try {
      return call(this.#running());
    } catch (error) {
      this.#instance = undefined;
      return error;
    }
  }
}

function aborted(error) {
  return {
    valid: false,
    model_id: null,
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
