import { expect, it } from 'vitest';
import type { Finding } from './contract.ts';
import { diagnose } from './readiness.ts';

const finding = (id: string, status: Finding['status']): Finding => ({ id, title: id, status, detail: 'd' });
const own = (status: Finding['status']): Finding[] =>
  ['rabbitmq', 'redis', 'postgres'].map((role) => finding(`engine.${role}`, status));

it('needs no containers where the machine has its own engines', () => {
  const { canStart, concerns } = diagnose([...own('ok'), finding('docker', 'missing')]);
  expect(canStart).toBe(true);
  expect(concerns).toEqual([]);
});

it('needs no engines of the machine where containers can be had', () => {
  const { canStart, concerns } = diagnose([...own('missing'), finding('docker', 'ok')]);
  expect(canStart).toBe(true);
  expect(concerns).toEqual([]);
});

it('names both ways where neither is open', () => {
  const { canStart, concerns } = diagnose([...own('missing'), finding('docker', 'missing')]);
  expect(canStart).toBe(false);
  expect(concerns).toHaveLength(4);
});

it('still tells of a limit that a large attack will meet', () => {
  const { canStart, concerns } = diagnose([...own('ok'), finding('openFiles', 'warning')]);
  expect(canStart).toBe(true);
  expect(concerns).toEqual(['openFiles']);
});
