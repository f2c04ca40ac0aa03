#!/usr/bin/env node
/** The entry of `flashgrid`. Loads the rest only after the check: an old Node.js would fail at its imports. */
import { MIN_NODE_TEXT, isNodeNewEnough } from '../control/lib/node-version.ts';

if (isNodeNewEnough(process.versions.node)) await import('./cli.ts');
else {
  process.stderr.write(
    `✗ FlashGrid needs Node.js ${MIN_NODE_TEXT}; this is ${process.versions.node}, at ${process.execPath}.\n  → Install it from https://nodejs.org, or put a newer one first on the PATH.\n`,
  );
  process.exitCode = 6;
}
