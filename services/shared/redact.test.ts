import fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { errorFacts, redact, redactDeep, registerSecrets } from './redact.ts';

describe('redact', () => {
  it.each([
    ['postgresql://u:SECRET@h/db', 'postgresql://u:***@h/db'],
    ['postgresql://h/db?user=u&password=SECRET', 'postgresql://h/db?user=u&password=***'],
    ['redis://:SECRET@h:1,redis://:SECRET2@h:2', 'redis://:***@h:1,redis://:***@h:2'],
    ['redis+cluster://:SECRET@h:1,h:2', 'redis+cluster://:***@h:1,h:2'],
    [
      'rediss+sentinel://:SECRET@h:1,h:2/n?natMap=a:1>h:1&sentinelPassword=SECRET2',
      'rediss+sentinel://:***@h:1,h:2/n?natMap=a:1>h:1&sentinelPassword=***',
    ],
    ['amqp://u:SEC%40RET@h', 'amqp://u:***@h'],
    ['amqp://u:SEC@RET@h', 'amqp://u:***@h'],
    ['amqp://u:a/SECRET@h', 'amqp://u:***@h'],
    ['redis://h:6379?password=SECRET', 'redis://h:6379?password=***'],
    ['http://127.0.0.1:1/?token=SECRET&x=1', 'http://127.0.0.1:1/?token=***&x=1'],
    ['host=h password=SECRET dbname=d', 'host=h password=*** dbname=d'],
    ["host=h password='SEC RET' dbname=d", 'host=h password=*** dbname=d'],
    ['requirepass SECRET', 'requirepass ***'],
    ['default_pass = SECRET', 'default_pass = ***'],
    ['POSTGRES_PASSWORD=SECRET', 'POSTGRES_PASSWORD=***'],
    ['authorization: Bearer SECRETSECRET', 'authorization: Bearer ***'],
    ["ALTER ROLE x PASSWORD 'SECRET'", "ALTER ROLE x PASSWORD '***'"],
    ['{"password":"SECRET","a":1}', '{"password":"***","a":1}'],
    ['{"text":"{\\"token\\":\\"SECRET\\"}"}', '{"text":"{\\"token\\":\\"***\\"}"}'],
  ])('%s', (text, expected) => {
    expect(redact(text)).toBe(expected);
  });

  it.each([
    'listening on http://127.0.0.1:8080/readyz',
    'password authentication failed for user "flashgrid"',
    'WRONGPASS invalid username-password pair or user is disabled.',
    'reservation 0190-ab accepted in 3 ms, queue depth 12',
    'amqp://flashgrid@127.0.0.1:5672',
    'the token is missing',
  ])('leaves "%s" as it is', (text) => {
    expect(redact(text)).toBe(text);
  });

  it('hides a known secret wherever and however it is spelled', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 8, maxLength: 40, unit: 'binary' }).filter((text) => /[^\s*]{3}/.test(text)),
        fc.string({ unit: 'binary' }),
        (secret, around) => {
          fc.pre(!around.includes(secret));
          registerSecrets(secret);
          for (const spelled of [secret, encodeURIComponent(secret), JSON.stringify({ around, secret })])
            expect(redact(`${around} ${spelled} end`)).not.toContain(spelled === secret ? secret : spelled);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('hides the password of any URL, and leaves JSON readable', () => {
    const word = fc.stringMatching(/^[a-zA-Z0-9@/:?&=+%!$'()*,;~._-]{3,30}$/);
    fc.assert(
      fc.property(
        fc.constantFrom('amqp', 'redis', 'rediss', 'postgresql'),
        word,
        word,
        (scheme, password, text) => {
          const marked = `x9Q${encodeURIComponent(password).replaceAll("'", '%27')}Q9x`;
          const url = `${scheme}://user:${marked}@host:1/db?password=${marked}`;
          const line = JSON.stringify({ msg: `${text} ${url}`, url, level: 30 });
          const clean = redact(line);
          expect(clean).not.toContain(marked);
          expect(() => JSON.parse(clean) as unknown).not.toThrow();
        },
      ),
    );
  });

  it('keeps what clients hang on their errors out of the log', () => {
    const error = Object.assign(new Error('WRONGPASS'), {
      code: 'X',
      command: { name: 'auth', args: ['MY-SECRET'] },
    });
    const lines: string[] = [];
    const log = pino(
      { serializers: { err: errorFacts }, hooks: { streamWrite: redact } },
      { write: (line: string) => void lines.push(line) },
    );
    log.warn({ err: new Error('outer', { cause: error }), url: 'redis://:MY-SECRET@h' }, 'Redis');
    expect(lines.join('')).not.toContain('MY-SECRET');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      err: { message: 'outer', cause: { message: 'WRONGPASS', code: 'X' } },
      url: 'redis://:***@h',
    });
  });

  it('is quick on a long line of any kind', () => {
    for (const piece of ['a', 'a.', 'x://', 'u:p@', 'password=', '"password":"', '\\"']) {
      const startedMs = performance.now();
      redact(piece.repeat(100_000 / piece.length));
      expect(performance.now() - startedMs, piece).toBeLessThan(2_000);
    }
  });

  it('goes through plain data', () => {
    expect(redactDeep({ a: ['redis://:SECRET@h', 1, null], b: { c: true } })).toEqual({
      a: ['redis://:***@h', 1, null],
      b: { c: true },
    });
  });
});
