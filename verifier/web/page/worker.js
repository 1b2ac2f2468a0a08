// The worker's side: one request after the other, so that the page stays responsive.

let verifier;

const handlers = {
  async load({ wasm }) {
    verifier = new Verifier(await WebAssembly.compile(wasm));
  },
  prepare({ rowBits }) {
    verifier.prepare(rowBits);
  },
  prepareFor({ model }) {
    verifier.prepareFor(model);
  },
  needsKey({ proof }) {
    return verifier.needsKey(proof);
  },
  loadKey({ key }) {
    return verifier.loadKey(key);
  },
  verify({ model, proof, modelId }) {
    return verifier.verify(model, proof, { modelId });
  },
};

let queue = Promise.resolve();
self.onmessage = ({ data }) => {
  queue = queue.then(async () => {
    const start = performance.now();
    try {
      const result = await handlers[data.kind](data);
      self.postMessage({ id: data.id, result, seconds: (performance.now() - start) / 1000 });
    } catch (error) {
      self.postMessage({ id: data.id, failure: String(error?.message ?? error) });
    }
  });
};
