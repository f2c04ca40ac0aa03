import Docker from 'dockerode';
import { expect, onTestFinished, test } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settingsSchema } from '../../../contract/settings.ts';
import { backendSpecs } from './backend-spec.ts';
import { ClusterFile } from './cluster-file.ts';
import { containerOptions } from './container-config.ts';

test('no container gets the daemon’s socket, a folder of the host, its network, or more rights than its entrypoint needs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flashgrid-container-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = ClusterFile.open(folder, 'test');
  // Nothing is asked of it.
  const around = { docker: new Docker(), clusterId: 'c', appVersion: '1', file };
  const specs = backendSpecs(settingsSchema.parse({}), file);
  const facts = { id: 'sha256:1', volumes: ['/var/lib/postgresql'], env: ['PG_MAJOR=18'] };
  for (const spec of specs) {
    const { HostConfig: host = {}, User } = containerOptions(around, spec, facts, '');
    expect(User).toBeUndefined();
    expect(host).toMatchObject({
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      CapAdd: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETGID', 'SETUID'],
      SecurityOpt: expect.arrayContaining([expect.stringContaining('no-new-privileges')]),
    });
    expect(host.Binds).toBeUndefined();
    expect(host.Mounts?.map(({ Type }) => Type)).toEqual(host.Mounts?.map(() => 'volume'));
    for (const key of ['Privileged', 'PidMode', 'IpcMode', 'UsernsMode', 'Devices', 'VolumesFrom'] as const)
      expect(host[key], key).toBeUndefined();
    expect(host.NetworkMode).not.toMatch(/^(?:host|container:)/);
    for (const bindings of Object.values(host.PortBindings as Record<string, { HostIp: string }[]>))
      expect(bindings.map(({ HostIp }) => HostIp)).toEqual(['127.0.0.1']);
  }
  expect(specs).toHaveLength(3);
});
