/** Preloaded into the process that plays Electron: makes `import … from 'electron'` give the stand-in. */
import { register } from 'node:module';

register('./hooks.mjs', import.meta.url);
