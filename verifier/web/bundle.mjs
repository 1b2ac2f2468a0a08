// bundle.mjs BINDINGS.js MODULE.wasm KEY OUT: makes the package and the page that needs nothing besides itself.

import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gzipSync, brotliCompressSync } from 'node:zlib';

const [bindings, module, key, out] = process.argv.slice(2);
const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const text = (path) => readFileSync(join(here, path), 'utf8');

// The bindings keep one instance in a variable; as a function's, there are as many as one likes.
const glue = `export function glue() {\n${readFileSync(bindings, 'utf8')}\nreturn wasm_bindgen;\n}\n`;

const folder = join(out, 'package');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const name of ['package.json', 'index.js', 'index.d.ts', 'README.md']) cpSync(join(here, 'package', name), join(folder, name));
writeFileSync(join(folder, 'glue.js'), glue);
cpSync(module, join(folder, 'pleat_verifier.wasm'));
cpSync(key, join(folder, 'pleat_verifier.key'));

// A classic script, since a page from a folder can start no other worker: neither imports nor addresses of its own.
const classic = (source) => source.replace(/^import .*\n/gm, '').replace(/^export /gm, '').replaceAll('import.meta.url', 'undefined');
const worker = [glue, text('package/index.js'), text('page/worker.js')].map(classic).join('\n');
const packed = (path) => gzipSync(readFileSync(path), { level: 9 }).toString('base64');
const hash = (source) => `sha256-${createHash('sha256').update(source).digest('base64')}`;
const [style, script] = [text('page/page.css'), text('page/page.js')];
const parts = {
  style,
  script,
  worker,
  'style hash': hash(style),
  'script hash': hash(script),
  wasm: packed(module),
  key: packed(key),
  version: JSON.parse(text('package/package.json')).version,
};
for (const part of [style, script, worker]) if (part.includes('</')) throw new Error('a part would end its own element');
const page = text('page/page.html').replace(/\{\{([a-z ]+)\}\}/g, (_, name) => {
  if (!(name in parts)) throw new Error(`the page asks for ${name}`);
  return parts[name];
});
writeFileSync(join(out, 'pleat-verifier.html'), page);

// Only a proof of the mode `chain` needs the key.
const withoutKey = page.replace(parts.key, '');
const kilobytes = (n) => `${Math.ceil(n / 1000).toLocaleString('en')} kB`.padStart(9);
const sizes = {
  'pleat_verifier.wasm': readFileSync(module),
  'pleat_verifier.key': readFileSync(key),
  'pleat-verifier.html': Buffer.from(page),
  '… without the key': Buffer.from(withoutKey),
};
for (const [name, bytes] of Object.entries(sizes)) {
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } });
  console.log(`${name.padEnd(20)}${kilobytes(bytes.length)}, gzip ${kilobytes(gzipSync(bytes, { level: 9 }).length)}, brotli ${kilobytes(brotli.length)}`);
}
