/** The entry. The rest is a second import, so that zod is set up before any schema of the contract is built. */
import './zod-setup.ts';

void import('./start.tsx');
