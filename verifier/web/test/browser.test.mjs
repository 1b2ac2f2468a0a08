// The page in Chromium, as people use it: opened from a folder, with files chosen, dropped and typed.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { cpus, loadavg } from 'node:os';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { cases, edited, stored } from './cases.mjs';
import { OUT } from './out.mjs';

const PAGE = `${OUT}/pleat-verifier.html`;
const MNIST_ID = cases.find(({ name }) => name.startsWith('an image shown, the model id')).model_id.toLowerCase();
// A verification, on a busy machine.
const SLOW = 120_000;

let browser;
let page;
const problems = [];

before(async () => {
  const executablePath = process.env.CHROMIUM ?? execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
  const quiet = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox', ...quiet] });
  page = await opened(pathToFileURL(PAGE).href);
});

after(() => browser?.close());

async function opened(address, options = {}) {
  const fresh = await browser.newPage({ colorScheme: 'light', ...options });
  fresh.setDefaultTimeout(SLOW);
  fresh.on('pageerror', (error) => problems.push(String(error)));
  fresh.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  await fresh.goto(address);
  await fresh.locator('html[data-ready]').waitFor({ state: 'attached' });
  return fresh;
}

/** Processes to a core, at least 1: what a time is allowed more. */
const load = () => Math.max(1, loadavg()[0] / cpus().length);

const file = (name, buffer) => ({ name, mimeType: 'application/octet-stream', buffer });

async function choose(at, model, proof, modelId = '') {
  await at.getByLabel('Verification model').setInputFiles(file('a.vmodel', model));
  await at.getByLabel('Proof', { exact: true }).setInputFiles(file('a.proof', proof));
  await at.getByLabel('Model id').fill(modelId);
}

/** What the page says, as the table writes it. */
async function answer(at) {
  await at.locator('#verdict').waitFor();
  return at.evaluate(() => {
    const entries = {};
    for (const term of document.querySelectorAll('#details > dl dt')) entries[term.textContent] = term.nextElementSibling.textContent;
    const ports = [...document.querySelectorAll('#details h3')].map((heading) => {
      const parts = [];
      for (let next = heading.nextElementSibling; next && next.tagName !== 'H3'; next = next.nextElementSibling) parts.push(next);
      const rows = parts.flatMap((part) => [...part.querySelectorAll('tbody tr')]);
      return {
        heading: heading.textContent,
        integers: heading.textContent.endsWith(': hidden') ? null : rows.map((row) => Number(row.children[2].textContent)),
        indices: parts.flatMap((part) => (part.className === 'mono' ? part.textContent.split(', ').map(Number) : [])),
        pictures: parts.filter((part) => part.tagName === 'CANVAS').length,
      };
    });
    const kind = document.querySelector('#verdict').className;
    return { kind, title: document.querySelector('#verdict-title').textContent, entries, ports };
  });
}

async function check(at, model, proof, modelId) {
  await choose(at, model, proof, modelId);
  await at.getByRole('button', { name: 'Check the proof' }).click();
  return answer(at);
}

test('every case ends as the table says', async () => {
  for (const row of cases) {
    const got = await check(page, row.model, row.proof, row.model_id);
    const { expect, name } = row;
    if (expect.outcome === 'valid') {
      assert.equal(got.kind, 'valid', `${name}: ${JSON.stringify(got.entries)}`);
      const inputs = got.ports.filter((port) => port.heading.startsWith('Input '));
      const outputs = got.ports.filter((port) => port.heading.startsWith('Output '));
      assert.deepEqual(inputs.map((port) => port.integers?.length ?? 0), expect.shown_inputs, name);
      assert.deepEqual(outputs.map((port) => port.integers), expect.outputs, name);
      const indices = got.ports.filter((port) => port.heading.endsWith(': public indices'));
      assert.deepEqual(indices.map((port) => port.indices), expect.indices ?? [], name);
      assert.match(got.entries['Hidden by'], new RegExp(`\\(${expect.fold}\\)$`), name);
    } else if (expect.outcome === 'invalid') {
      const { 'Refused by': refused, Because: because } = got.entries;
      assert.deepEqual([got.kind, refused, because], ['refused', expect.check, expect.reason], name);
      assert.equal(got.ports.length, 0, name);
    } else {
      assert.equal(got.kind, 'unchecked', name);
      assert.ok(got.entries.Because.includes(expect.reason), `${name}: ${got.entries.Because}`);
    }
  }
});

test('a proof about an image: the digit is drawn, and it takes at most 0.7 s on a machine of its own', async (t) => {
  const model = stored('mnist-8.vmodel');
  const proof = stored('mnist-8.proof');
  const got = await check(page, model, proof, MNIST_ID);
  assert.equal(got.title, '✓ Valid: a run of this model');
  assert.match(got.entries['Model id'], new RegExp(`^${MNIST_ID}It is the id that you demanded`));
  assert.deepEqual(got.ports.map((port) => port.heading), ['Input Input3, 1 × 1 × 28 × 28: shown', 'Output Plus214_Output_0, 1 × 10: shown']);
  assert.deepEqual(got.ports.map((port) => port.pictures), [1, 0]);
  const [{ integers }] = got.ports;
  const drawn = await page.locator('canvas').evaluate((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return { size: [canvas.width, canvas.height], grey: Array.from(data.filter((_, i) => i % 4 === 0)) };
  });
  const largest = Math.max(...integers);
  assert.deepEqual(drawn.size, [28, 28]);
  assert.deepEqual(drawn.grey, integers.map((value) => Math.round((255 * value) / largest)));
  assert.equal(await page.locator('tr.largest th').textContent(), '3');

  const times = [];
  for (let i = 0; i < 5; i++) times.push(Number.parseFloat((await check(page, model, proof)).entries.Time));
  t.diagnostic(`proofs: ${times.join(', ')} s`);
  assert.ok(Math.min(...times) <= 0.7 * load(), `${times} s, with ${load()} processes to a core`);
});

test('the page is ready after at most 1.5 s on a machine of its own', async (t) => {
  const times = [];
  for (let i = 0; i < 3; i++) {
    const fresh = await opened(pathToFileURL(PAGE).href);
    const ready = JSON.parse(await fresh.locator('html').getAttribute('data-ready'));
    t.diagnostic(`ready after ${ready.total.toFixed(2)} s: code ${ready.load.toFixed(2)} s, generators ${ready.prepare.toFixed(2)} s`);
    times.push(ready.total);
    await fresh.close();
  }
  assert.ok(Math.min(...times) <= 1.5 * load(), `${times} s, with ${load()} processes to a core`);
});

test('only a proof of the chain waits for the key', async (t) => {
  const fresh = await opened(pathToFileURL(PAGE).href);
  const loaded = () => fresh.evaluate(() => document.documentElement.dataset.key ?? null);
  const model = stored('credit.vmodel');
  assert.equal((await check(fresh, model, stored('public.proof'))).entries['Hidden by'], 'Committed steps (tree)');
  assert.equal(await loaded(), null);
  for (const name of ['chain-public.proof', 'chain-hidden.proof']) {
    assert.equal((await check(fresh, model, stored(name))).entries['Hidden by'], 'Nova’s chain (chain)');
  }
  t.diagnostic(`key ready after ${Number(await loaded()).toFixed(2)} s`);
  assert.equal((await check(fresh, model, stored('hidden.proof'))).kind, 'valid');
  await fresh.close();
});

test('the page stays responsive while it checks', async () => {
  await choose(page, stored('credit.vmodel'), stored('public.proof'));
  await page.getByRole('button', { name: 'Check the proof' }).click();
  const frames = await page.evaluate(async () => {
    let longest = 0;
    let last = performance.now();
    while (document.querySelector('#verdict').hidden) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }
    return longest;
  });
  assert.ok(frames < 1000, `the page stood still for ${frames} ms`);
  assert.equal((await answer(page)).kind, 'valid');
});

test('keys alone suffice, and what happens is announced', async () => {
  const keys = await opened(pathToFileURL(PAGE).href);
  const focused = () => keys.evaluate(() => document.activeElement.id || document.activeElement.textContent);
  const order = [];
  for (let i = 0; i < 4; i++) {
    await keys.keyboard.press('Tab');
    order.push(await focused());
  }
  assert.deepEqual(order, ['model', 'proof', 'model-id', 'Check the proof']);
  const status = keys.getByRole('status');
  await keys.keyboard.press('Enter');
  assert.equal(await status.textContent(), 'Choose a verification model and a proof first.');
  assert.equal(await focused(), 'model');
  for (const [name, buffer] of [['credit.vmodel', stored('credit.vmodel')], ['hidden.proof', stored('hidden.proof')]]) {
    // Chromium ignores the key while it still closes the chooser before.
    let chooser;
    for (let tries = 0; !chooser && tries < 10; tries++) {
      const opens = keys.waitForEvent('filechooser', { timeout: 5000 }).catch(() => null);
      await keys.keyboard.press('Enter');
      chooser = await opens;
    }
    await chooser.setFiles(file(name, buffer));
    await keys.getByText(`${name}, `).waitFor();
    await keys.keyboard.press('Tab');
  }
  assert.equal(await focused(), 'model-id');
  await keys.keyboard.press('Enter');
  assert.equal(await status.textContent(), 'Checking…');
  const got = await answer(keys);
  assert.deepEqual(got.ports.map((port) => port.integers), [null, null]);
  assert.equal(await status.textContent(), 'Done. Valid: a run of this model');
  await keys.close();
});

test('files may be dropped, both at once, in any order', async () => {
  const drop = async (names) => {
    const data = await page.evaluateHandle((files) => {
      const transfer = new DataTransfer();
      for (const [name, bytes] of files) transfer.items.add(new File([Uint8Array.from(bytes)], name));
      return transfer;
    }, names.map(([name, bytes]) => [name, [...bytes]]));
    await page.dispatchEvent('body', 'drop', { dataTransfer: data });
  };
  await page.reload();
  await drop([['answer', stored('public.proof')], ['model', stored('credit.vmodel')]]);
  assert.deepEqual((await answer(page)).ports.map((port) => port.heading), ['Input x, 1 × 61: shown', 'Output y, 1 × 1: shown']);
  const length = stored('public.proof').length.toLocaleString('en');
  assert.equal(await page.locator('#proof-file').textContent(), `answer, ${length} bytes`);
  await drop([['answer', edited('public.proof', cases.find((row) => row.name === 'an input changed').proof_edits)]]);
  await page.locator('#verdict.refused').waitFor();
  assert.equal((await answer(page)).entries['Refused by'], 'shares');
});

test('it is one file that asks for nothing else', async () => {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.setHeader('content-type', 'text/html').end(readFileSync(PAGE));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const address = `http://127.0.0.1:${server.address().port}/`;
    const served = await opened(address);
    const requests = [];
    served.on('request', (request) => requests.push(request.url()));
    assert.equal((await check(served, stored('credit.vmodel'), stored('public.proof'))).kind, 'valid');
    assert.deepEqual(requests.filter((url) => !url.startsWith('blob:')), []);
    const refused = await served.evaluate((url) => fetch(url).then(() => 'fetched', () => 'refused'), address);
    assert.equal(refused, 'refused');
    problems.splice(0, problems.length, ...problems.filter((text) => !text.includes('Content Security Policy')));
    assert.deepEqual(asked.filter((url) => url !== '/favicon.ico'), ['/']);
    await served.close();
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('people with other senses can use it', async () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await page.setViewportSize({ width: 360, height: 740 });
  await page.evaluate(axe);
  for (const [proof, kind] of [['mnist-8.proof', 'valid'], ['public.proof', 'refused']]) {
    assert.equal((await check(page, stored('mnist-8.vmodel'), stored(proof))).kind, kind);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      const found = violations.map((rule) => `${rule.id}: ${rule.nodes.map((node) => node.html).join(' ')}`);
      assert.deepEqual(found, [], `${kind}, ${colorScheme}`);
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.equal(wide, false, 'the page scrolls sideways on a narrow screen');
  }
});

test('nothing went wrong unseen', () => {
  assert.deepEqual(problems, []);
});
