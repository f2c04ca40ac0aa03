import { sentence } from '../../lib/format.ts';

/** Fields of a form by their path, such as `images.redis`. */

/** A copy with one field set. */
export function withField(all: unknown, path: string, value: unknown): unknown {
  const [key = '', ...rest] = path.split('.');
  const before: Record<string, unknown> = typeof all === 'object' && all !== null ? { ...all } : {};
  before[key] = rest.length === 0 ? value : withField(before[key], rest.join('.'), value);
  return before;
}

/** The error of the field at a path, as a sentence. */
export function issueAt(
  issues: readonly {
    readonly path: readonly PropertyKey[];
    readonly message: string;
  }[],
  path: string,
): string | undefined {
  const issue = issues.find((candidate) => candidate.path.map(String).join('.') === path);
  return issue && sentence(issue.message);
}
