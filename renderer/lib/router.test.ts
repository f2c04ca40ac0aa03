import { expect, it } from 'vitest';
import { PAGES } from '../../contract/pages.ts';
import { hrefOf, parseHash } from './router.ts';

it.each(PAGES)('leads to %s and back', (page) => {
  expect(parseHash(hrefOf(page))).toMatchObject({ page, id: undefined });
});

it('carries an id and a query', () => {
  const route = parseHash(hrefOf('runs', 'a/b c', { at: '12' }));
  expect(route).toMatchObject({ page: 'runs', id: 'a/b c' });
  expect(route.query.get('at')).toBe('12');
});

it.each(['', '#', '#/', '#/nowhere/x', '#/%E0%A4%A'])('takes %j for the first page', (hash) => {
  expect(parseHash(hash).page).toBe('control');
});

it('shows an id that is badly encoded as it is', () => {
  expect(parseHash('#/runs/%E0%A4%A').id).toBe('%E0%A4%A');
});
