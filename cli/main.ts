#!/usr/bin/env node
/** What `flashgrid` runs first. The rest is loaded afterwards: an older Node.js stops at its imports, with a stack instead of a word. */
import { MIN_NODE_TEXT, isNodeNewEnough } from '../control/lib/node-version.ts';

if (isNodeNewEnough(process.versions.node)) await import('./cli.ts');
else {
  process.stderr.write(
    `✗ FlashGrid needs Node.js ${MIN_NODE_TEXT}; this is ${process.versions.node}, at ${process.execPath}.\n  → Install it from https://nodejs.org, or put a newer one first on the PATH.\n`,
  );
  process.exitCode = 6;
}
