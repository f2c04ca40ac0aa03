import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { auditPackages } from './audit-packages.mjs';

/** What the registry answers to the question for advisories. */
let answer: { status: number; body: object };
let registry: Server;
let cache: string;

beforeEach(async () => {
  registry = createServer((request, response) => {
    request.resume();
    const isAudit = request.url?.includes('/advisories/') === true;
    response.writeHead(isAudit ? answer.status : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isAudit ? answer.body : {}));
  });
  await new Promise<void>((done) => registry.listen(0, '127.0.0.1', done));
  const { port } = registry.address() as AddressInfo;
  vi.stubEnv('npm_config_registry', `http://127.0.0.1:${port}/`);
  // npm keeps what it was told of an advisory.
  cache = mkdtempSync(join(tmpdir(), 'fg-npm-'));
  vi.stubEnv('npm_config_cache', cache);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true, force: true });
  await new Promise((done) => registry.close(done));
});

const advisory = (severity: string) => ({
  zod: [
    {
      id: 1,
      url: 'https://advisories.invalid/1',
      title: 'Takes forever',
      severity,
      vulnerable_versions: '<999',
      cwe: [],
      cvss: { score: 0, vectorString: null },
    },
  ],
});

it('passes without advisories', async () => {
  answer = { status: 200, body: {} };
  expect(await auditPackages()).toEqual({ code: 0, text: '✔ npm audit: no high advisory, 0 lower\n' });
});

it('passes with advisories that are not high, and counts them', async () => {
  answer = { status: 200, body: advisory('moderate') };
  const { code, text } = await auditPackages();
  expect(code).toBe(0);
  expect(text).toMatch(/no high advisory, [1-9]\d* lower/);
});

it.each(['high', 'critical'])(
  'fails on a %s advisory, and names package, advisory and what to do',
  async (severity) => {
    answer = { status: 200, body: advisory(severity) };
    const { code, text } = await auditPackages();
    expect(code).toBe(1);
    expect(text).toContain(`${severity}: zod`);
    expect(text).toContain('Takes forever (https://advisories.invalid/1)');
    expect(text).toContain('npm audit fix');
  },
);

it('fails nothing where the registry keeps no advisories, and says that nothing was checked', async () => {
  answer = { status: 405, body: {} };
  const { code, text } = await auditPackages();
  expect(code).toBe(0);
  expect(text).toMatch(/^! npm audit could not be asked, so no package was checked .*405/);
});
