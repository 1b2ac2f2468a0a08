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
const chain = stored('chain-public.proof');
const wasm = await readFile(new URL('pleat_verifier.wasm', folder));
const key = await readFile(new URL('pleat_verifier.key', folder));

// One of every check; all of them are the page's.
const refusals = cases.filter((row, i) => row.expect.check && i === cases.findIndex((other) => other.expect.check === row.expect.check));

test('the package checks proofs', async () => {
  const verifier = await Verifier.load();
  for (const row of [...cases.filter((row) => row.expect.outcome !== 'invalid'), ...refusals]) {
    const result = await verifier.check(row.model, row.proof, { modelId: row.model_id });
    if (row.expect.outcome === 'error') {
      assert.ok(result.error.includes(row.expect.reason), row.name);
      assert.equal('valid' in result, false, row.name);
      continue;
    }
    assert.equal(result.valid, row.expect.outcome === 'valid', row.name);
    assert.deepEqual([result.check, result.reason], [row.expect.check ?? null, row.expect.reason ?? null], row.name);
    assert.equal(result.fold, row.expect.fold ?? null, row.name);
    assert.equal(result.input === null, !result.valid);
    if (result.valid) assert.ok(result.seconds.total >= result.seconds.verify && result.seconds.verify > 0, row.name);
  }
  const { input, output } = verifier.verify(model, new Uint8Array(proof).buffer);
  assert.deepEqual([input[0].name, input[0].shape, input[0].hidden], ['x', [1, 61], false]);
  assert.deepEqual([output[0].integers, output[0].values], [[-101], [-101 * output[0].scale]]);
  assert.throws(() => verifier.verify('model', proof), TypeError);
  assert.throws(() => verifier.verify(model, proof, { modelId: 5 }), TypeError);
});

test('what is prepared for a model is not derived for its proofs', async () => {
  const verifier = await Verifier.load({ wasm });
  const [long, image] = [stored('mnist-8.vmodel'), stored('mnist-8.proof')];
  verifier.prepareFor(new Uint8Array(5));
  const start = performance.now();
  verifier.prepareFor(long);
  const seconds = (performance.now() - start) / 1000;
  for (const [own, about] of [[long, image], [model, proof]]) {
    const result = verifier.verify(own, about);
    assert.ok(result.valid && result.seconds.setup < seconds / 5, `${result.seconds.setup} s after ${seconds} s`);
  }
  assert.throws(() => verifier.prepareFor('model'), TypeError);
});

test('only a proof of the chain needs the key', async () => {
  const verifier = await Verifier.load({ wasm, key: new URL('no-such.key', folder) });
  assert.equal(verifier.needsKey(proof), false);
  assert.equal(verifier.needsKey(new Uint8Array(5)), false);
  assert.equal(verifier.needsKey(chain), true);
  assert.equal(verifier.verify(model, proof).valid, true);
  assert.equal((await verifier.check(model, proof)).valid, true);
  assert.throws(() => verifier.verify(model, chain), /await loadKey\(\)/);
  await assert.rejects(verifier.check(model, chain), /no-such\.key/);
  await assert.rejects(verifier.loadKey(), /no-such\.key/);
  // Two at once load it once.
  await Promise.all([verifier.loadKey(key), verifier.loadKey()]);
  assert.equal(verifier.needsKey(chain), false);
  assert.equal(verifier.verify(model, chain).fold, 'chain');
  assert.equal(verifier.verify(model, proof).fold, 'tree');
});

test('a key that is not the pinned one is refused', async () => {
  const changed = Uint8Array.from(key);
  changed[changed.length >> 1] ^= 1;
  const verifier = await Verifier.load({ wasm });
  for (const wrong of [changed, key.subarray(1), new Uint8Array()]) {
    await assert.rejects((await Verifier.load({ wasm, key: wrong })).check(model, chain), /key/);
    await assert.rejects(verifier.loadKey(wrong), /key/);
    assert.equal(verifier.needsKey(chain), true);
    assert.throws(() => verifier.verify(model, chain), /loadKey/);
    assert.equal(verifier.verify(model, proof).valid, true);
  }
  assert.equal((await verifier.check(model, chain)).valid, true);
});

test('a trap refuses the proof, and the next one is checked by a new instance', async () => {
  const verifier = await Verifier.load();
  // Stands for what nobody knows how to reach, a panic, which compiles to this instruction: the clock, which a check reads.
  const unreachable = new WebAssembly.Module(new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11,
  ]));
  const trap = new WebAssembly.Instance(unreachable).exports.f;
  const { now } = performance;
  const interrupted = (own) => {
    performance.now = trap;
    const aborted = verifier.verify(model, own);
    performance.now = now;
    assert.deepEqual([aborted.valid, aborted.check, aborted.fold, aborted.input], [false, 'aborted', null, null]);
    assert.match(aborted.reason, /unreachable/);
  };
  interrupted(proof);
  assert.equal(verifier.verify(model, proof).valid, true);
  // The new instance gets the key again.
  await verifier.loadKey();
  interrupted(chain);
  assert.equal(verifier.verify(model, proof).valid, true);
  assert.equal(verifier.verify(model, chain).valid, true);
});
