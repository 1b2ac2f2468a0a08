// The package in Node.js.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { cases, stored } from './cases.mjs';
import { OUT } from './out.mjs';

const folder = pathToFileURL(`${OUT}/package/`);
const { Verifier } = await import(new URL('index.js', folder));
const model = stored('credit.vmodel');
const proof = stored('public.proof');

test('the package checks proofs', async () => {
  const verifier = await Verifier.load();
  for (const row of [...cases.filter((row) => row.expect.outcome !== 'invalid'), cases.find((row) => row.expect.check === 'nova')]) {
    const result = verifier.verify(row.model, row.proof, { modelId: row.model_id });
    if (row.expect.outcome === 'error') {
      assert.ok(result.error.includes(row.expect.reason), row.name);
      assert.equal('valid' in result, false, row.name);
      continue;
    }
    assert.equal(result.valid, row.expect.outcome === 'valid', row.name);
    assert.deepEqual([result.check, result.reason], [row.expect.check ?? null, row.expect.reason ?? null], row.name);
    assert.equal(result.input === null, !result.valid);
    assert.ok(result.seconds.total >= result.seconds.verify && result.seconds.verify > 0, row.name);
  }
  const { input, output } = verifier.verify(model, new Uint8Array(proof).buffer);
  assert.deepEqual([input[0].name, input[0].shape, input[0].hidden], ['x', [1, 61], false]);
  assert.deepEqual([output[0].integers, output[0].values], [[-101], [-101 * output[0].scale]]);
  assert.throws(() => verifier.verify('model', proof), TypeError);
  assert.throws(() => verifier.verify(model, proof, { modelId: 5 }), TypeError);
});

test('a key that is not the pinned one is refused', async () => {
  const wasm = await readFile(new URL('pleat_verifier.wasm', folder));
  const key = await readFile(new URL('pleat_verifier.key', folder));
  const changed = Uint8Array.from(key);
  changed[changed.length >> 1] ^= 1;
  for (const wrong of [changed, key.subarray(1), new Uint8Array()]) {
    await assert.rejects(Verifier.load({ wasm, key: wrong }), /key/);
  }
});

test('a trap refuses the proof, and the next one is checked by a new instance', async () => {
  const verifier = await Verifier.load();
  // Stands for what nobody knows how to reach, a panic, which compiles to this instruction: the clock, which a check reads.
  const unreachable = new WebAssembly.Module(new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11,
  ]));
  const trap = new WebAssembly.Instance(unreachable).exports.f;
  const { now } = performance;
  performance.now = trap;
  const aborted = verifier.verify(model, proof);
  performance.now = now;
  assert.deepEqual([aborted.valid, aborted.check, aborted.input], [false, 'aborted', null]);
  assert.match(aborted.reason, /unreachable/);
  assert.equal(verifier.verify(model, proof).valid, true);
});
