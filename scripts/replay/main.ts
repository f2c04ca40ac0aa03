/**
 * Serves a replay to a browser, in a process of its own: the recorded run, or with a number its attack at so many
 * requests a second. Prints its address; ends when told to, or when its starter is gone.
 */
import { resolve } from 'node:path';
import process from 'node:process';
import { startWebServer } from '../../web/server.ts';
import { RecordedRun } from './recorded-run.ts';

const [folder = 'out/renderer', ratePerSec] = process.argv.slice(2);
const centre = new RecordedRun(ratePerSec === undefined ? undefined : Number(ratePerSec));
const frontend = await startWebServer({
  centre,
  rendererDir: resolve(import.meta.dirname, '../..', folder),
  host: '127.0.0.1',
  port: 0,
});
centre.start();
console.log(`Open ${frontend.url}\n`);

const end = (): void => {
  centre.stop();
  void frontend.close().then(() => process.exit(0));
};
process.once('SIGINT', end);
process.once('SIGTERM', end);
// The starter holds the other end; when it dies, this closes.
process.stdin.once('end', end).resume();
