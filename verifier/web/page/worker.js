// The worker's side: one request after the other, so that the page stays responsive.

let verifier;

const handlers = {
  async load({ wasm, key }) {
    verifier = new Verifier(await WebAssembly.compile(wasm), key);
  },
  prepare({ rowBits }) {
    verifier.prepare(rowBits);
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
