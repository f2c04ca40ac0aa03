import { expect, it } from 'vitest';
import { settingsSchema } from '../../../contract/settings.ts';
import { issueAt, withField } from './settings-draft.ts';

it('sets one field deep inside and leaves the rest and the original alone', () => {
  const settings = settingsSchema.parse({});
  const changed = settingsSchema.parse(withField(settings, 'images.redis', 'valkey:8'));
  expect(changed.images).toEqual({ ...settings.images, redis: 'valkey:8' });
  expect(settings.images.redis).toBe('redis:8-alpine');
});

it('finds what is wrong with a field, and only with that', () => {
  const parsed = settingsSchema.safeParse(withField(settingsSchema.parse({}), 'limits.memoryMb', ''));
  const issues = parsed.success ? [] : parsed.error.issues;
  expect(issueAt(issues, 'limits.memoryMb')).toBe('Must be a number.');
  expect(issueAt(issues, 'limits.cpus')).toBeUndefined();
});
