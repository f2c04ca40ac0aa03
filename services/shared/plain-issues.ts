/**
 * Says what is wrong with a value, in words for users. zod's own messages ("Invalid input: expected number,
 * received undefined") would reach forms, the terminal and HTTP clients. Importing this file replaces them in
 * the whole process. A message that a schema gives itself still comes first.
 */
import { z } from 'zod';

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  url: 'a URL',
  email: 'an e-mail address',
  datetime: 'a date and time',
};

/** `must be a number`, without the field's name. */
export function plainIssue(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is missing';
      return `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return `must ${bound(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum)}`;
    case 'too_big':
      return `must ${bound(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum)}`;
    case 'not_multiple_of':
      return issue.divisor === 1 ? 'must be a whole number' : `must be a multiple of ${issue.divisor}`;
    case 'invalid_value':
      return `must be ${oneOf(issue.values.map(String))}`;
    case 'invalid_format':
      return KINDS[issue.format] === undefined
        ? 'has characters that are not allowed here'
        : `must be ${KINDS[issue.format]}`;
    case 'unrecognized_keys':
      return `has no field ${issue.keys.map((key) => JSON.stringify(key.slice(0, 64))).join(', ')}`;
    case 'invalid_union':
      return 'has none of the forms that are allowed here';
    case 'invalid_key':
    case 'invalid_element':
      return 'has an entry that is not allowed here';
    default:
      return 'is not usable';
  }
}

function bound(origin: string, how: string, limit: number | bigint): string {
  if (origin === 'string') return `have ${how} ${limit} characters`;
  if (origin === 'array' || origin === 'set' || origin === 'map') return `have ${how} ${limit} entries`;
  return `be ${how} ${limit}`;
}

function oneOf(values: readonly string[]): string {
  const last = values.at(-1) ?? '';
  return values.length < 2 ? last : `${values.slice(0, -1).join(', ')} or ${last}`;
}

z.config({ localeError: plainIssue });
