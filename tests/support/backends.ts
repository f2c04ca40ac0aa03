/** The live backends of the test run, and a corner of them for each test: its own namespace and schema. */
import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import type { Endpoints } from '../../control/cluster/cluster.ts';

declare module 'vitest' {
  interface ProvidedContext {
    endpoints: Endpoints;
  }
}

/** URLs of the backends that the global set-up started. */
export function testEndpoints(): Endpoints {
  return inject('endpoints');
}

/** A name that no other test uses: for namespaces, schemas and sale ids. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(5).toString('hex')}`;
}
