import { describe, expect, it } from 'vitest';
import { problemKinds } from './gateway-counters.ts';
import { openApiDocument } from './openapi.ts';
import { PROBLEM_KINDS } from './problems.ts';

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(value: unknown, ...path: string[]): Record<string, unknown> {
  let found = value;
  for (const key of path) found = isObject(found) ? found[key] : undefined;
  if (!isObject(found)) throw new Error(`nothing at ${path.join('/')}`);
  return found;
}

/** Every `$ref` in the document. */
function refsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(refsOf);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === '$ref' && typeof inner === 'string' ? [inner] : refsOf(inner),
  );
}

describe('the OpenAPI document', () => {
  const document = openApiDocument();

  it('refers only to schemas that it has', () => {
    const refs = refsOf(document);
    expect(refs.length).toBeGreaterThan(10);
    for (const ref of refs) at(document, ...ref.replace('#/', '').split('/'));
  });

  it('describes every status that the hot path can answer', () => {
    const described = Object.keys(at(document, 'paths', '/reserve', 'post', 'responses')).map(Number);
    const elsewhere = [401, 403, 405];
    const statuses = problemKinds().map((kind) => PROBLEM_KINDS[kind].status);
    for (const status of statuses) if (!elsewhere.includes(status)) expect(described).toContain(status);
    expect(described).toContain(202);
  });

  it('takes its fields from the schemas that the routes use', () => {
    const properties = at(document, 'components', 'schemas', 'ReserveRequest', 'properties');
    expect(Object.keys(properties)).toEqual(['saleId', 'userId', 'quantity']);
    expect(at(document, 'components', 'schemas', 'ReserveRequest')['additionalProperties']).toBe(false);
  });

  it('tells the parameters of the list of sales, with their bounds', () => {
    expect(at(document, 'paths', '/sales', 'get')['parameters']).toMatchObject([
      { name: 'limit', in: 'query', schema: { minimum: 1, maximum: 1_000, default: 100 } },
      { name: 'after', in: 'query', schema: { type: 'string' } },
    ]);
  });
});
