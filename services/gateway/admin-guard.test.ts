import { describe, expect, it } from 'vitest';
import { adminGuard } from './admin-guard.ts';
import { ProblemError } from './problems.ts';

const TOKEN = '0123456789abcdef';

function statusOf(authorization: string | undefined): number {
  try {
    adminGuard(TOKEN)(authorization);
    return 200;
  } catch (error) {
    if (error instanceof ProblemError) return error.rejection.status;
    throw error;
  }
}

describe('the admin guard', () => {
  it('lets the token pass', () => {
    expect(statusOf(`Bearer ${TOKEN}`)).toBe(200);
    expect(statusOf(`bearer  ${TOKEN}`)).toBe(200);
  });

  it('asks for a token where there is none', () => {
    for (const header of [undefined, '', 'Bearer', TOKEN, `Basic ${TOKEN}`])
      expect(statusOf(header)).toBe(401);
  });

  it('refuses every other token', () => {
    for (const token of [`${TOKEN}0`, TOKEN.slice(1), TOKEN.toUpperCase()])
      expect(statusOf(`Bearer ${token}`)).toBe(403);
  });
});
