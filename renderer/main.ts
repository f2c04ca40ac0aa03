/**
 * The entry. Everything else comes with a second import, so that zod is set up before the contract's schemas are built, whatever
 * chunks the bundler makes of them.
 */
import './zod-setup.ts';

void import('./start.tsx');
