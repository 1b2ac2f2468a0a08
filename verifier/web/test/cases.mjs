// The table of stored files and what becomes of them, which the Rust tests read as well (verifier/tests/cases.rs).

import { readFileSync } from 'node:fs';

const STORED = new URL('../../../testdata/proof/', import.meta.url);

export const stored = (name) => readFileSync(new URL(name, STORED));

const edits = {
  flip: (bytes, { at, mask }) => {
    bytes[at] ^= mask;
    return bytes;
  },
  truncate: (bytes, { to }) => bytes.subarray(0, to),
  append: (bytes, edit) => Buffer.concat([bytes, Buffer.from(edit.bytes)]),
  set: (bytes, edit) => {
    bytes.set(edit.bytes, edit.at);
    return bytes;
  },
  copy: (bytes, { from, to, length }) => bytes.copyWithin(to, from, from + length),
  splice: (bytes, { file, from, to, length }) => {
    bytes.set(stored(file).subarray(from, from + length), to);
    return bytes;
  },
  fill: (_, { length, seed }) => Buffer.from(Array.from({ length }, (_, i) => Math.floor((i * i + seed * i) / 4) % 256)),
};

export function edited(name, list = []) {
  return list.reduce((bytes, edit) => edits[edit.op](bytes, edit), stored(name));
}

export const cases = JSON.parse(stored('cases.json')).cases.map((row) => ({
  ...row,
  model: edited(row.model, row.model_edits),
  proof: edited(row.proof, row.proof_edits),
}));
