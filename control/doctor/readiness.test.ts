import { expect, it } from 'vitest';
import type { Finding } from '../../contract/state.ts';
import { diagnose } from './readiness.ts';

const finding = (id: string, status: Finding['status']): Finding => ({ id, title: id, status, detail: 'd' });
const own = (status: Finding['status']): Finding[] =>
  ['rabbitmq', 'redis', 'postgres'].map((role) => finding(`backend.${role}`, status));

it('needs no containers where the machine has its own backends', () => {
  const { canStart, concerns } = diagnose([...own('ok'), finding('docker', 'missing')]);
  expect(canStart).toBe(true);
  expect(concerns).toEqual([]);
});

it('needs no backends of the machine where containers can be had', () => {
  const { canStart, concerns } = diagnose([...own('missing'), finding('docker', 'ok')]);
  expect(canStart).toBe(true);
  expect(concerns).toEqual([]);
});

it('names both ways where neither is open', () => {
  const { canStart, concerns } = diagnose([...own('missing'), finding('docker', 'missing')]);
  expect(canStart).toBe(false);
  expect(concerns).toHaveLength(4);
});

it('does not say yes above what is missing', () => {
  const { canStart, concerns } = diagnose([...own('ok'), finding('dataDir', 'missing')]);
  expect(canStart).toBe(false);
  expect(concerns).toEqual(['dataDir']);
});

it('looks at the way that the settings ask for, and at no other', () => {
  const outside = (status: Finding['status']) =>
    ['rabbitmq', 'redis', 'postgres'].map((role) => finding(`external.${role}`, status));
  const dead = diagnose([...own('ok'), finding('docker', 'ok'), ...outside('missing')], 'external');
  expect(dead.canStart).toBe(false);
  expect(dead.concerns).toHaveLength(3);
  expect(
    diagnose([...own('missing'), finding('docker', 'missing'), ...outside('ok')], 'external').canStart,
  ).toBe(true);
  expect(diagnose([...own('ok'), finding('docker', 'missing')], 'docker')).toMatchObject({
    canStart: false,
    concerns: ['docker'],
  });
  expect(diagnose([...own('missing'), finding('docker', 'ok')], 'native').canStart).toBe(false);
});

it('still tells of a limit that a large attack will meet', () => {
  const { canStart, concerns } = diagnose([...own('ok'), finding('openFiles', 'warning')]);
  expect(canStart).toBe(true);
  expect(concerns).toEqual(['openFiles']);
});
