// Where verifier/web/build puts what it makes.

import { fileURLToPath } from 'node:url';

const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../../../target', import.meta.url));
export const OUT = `${target}/web`;
