/**
 * Keeps passwords and tokens out of log lines, errors, replies and exported runs: each of these passes
 * through `redact`. It finds secrets by their form (in URLs, queries and configuration lines) and by their
 * value, once the value was given to `registerSecrets`.
 */

export const MASK = '***';
/** Shorter secrets are not looked for by their value, because innocent words contain them. */
const MIN_KNOWN_LENGTH = 8;

/** Names whose value is a secret, in queries, environments and configuration files. */
const SECRET_KEY =
  '(?:[\\w.-]{0,40}(?:password|passwd|passphrase|secret|token|api[-_]?key|credentials?)|pass|pwd|auth|default_pass|requirepass|masterauth)';
/** A value in quotes, or up to the next separator. It never spans a quote of the JSON around it. */
const VALUE = `(?:\\\\?"(?:[^"\\\\]|\\\\(?!"))*\\\\?"|'[^']*'|[^\\s"'&,;)}\\]<>\\\\]+)`;

/**
 * One or more URLs with commas between. The scheme's length is limited, so that no text makes the search
 * slow.
 */
const URLS = /\b[a-z][a-z0-9+.-]{0,15}:\/\/[^\s"'<>\\]*/gi;
const URL_START = /(?=\b[a-z][a-z0-9+.-]{0,15}:\/\/)/i;
/** A password that was typed by hand may hold "@", "/" and ":". It ends at the last "@" of its URL. */
const CREDENTIALS = /^([^:]*:\/\/[^:@/]*):.*@/s;

const RULES: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`\\b(${SECRET_KEY})(\\s*=\\s*)${VALUE}`, 'gi'), `$1$2${MASK}`],
  [new RegExp(`(\\\\?"${SECRET_KEY}\\\\?"\\s*:\\s*\\\\?")(?:[^"\\\\]|\\\\(?!"))*`, 'gi'), `$1${MASK}`],
  [/\b(requirepass|masterauth)(\s+)[^\s"'\\]+/gi, `$1$2${MASK}`],
  [/\b(Bearer|Basic)(\s+)[A-Za-z0-9._~+/=-]{8,}/g, `$1$2${MASK}`],
  [/\b(PASSWORD\s+)'[^']*'/gi, `$1'${MASK}'`],
];

/** Every spelling of the registered secrets, longest first. */
let known: readonly string[] = [];

/**
 * Makes secrets known by their value, for the rest of the process: the password of a URL, or the whole of any
 * other text.
 * @param values URLs (also several with commas between), passwords, tokens; empty ones are ignored
 */
export function registerSecrets(...values: readonly (string | undefined)[]): void {
  const secrets = values.flatMap((value) => (value ? secretsOf(value) : []));
  const spellings = secrets
    .filter((secret) => secret.length >= MIN_KNOWN_LENGTH)
    .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]);
  known = [...new Set([...known, ...spellings])].sort((a, b) => b.length - a.length);
}

function secretsOf(value: string): string[] {
  if (!value.includes('://')) return [value];
  return value.split(/,(?=[a-z][a-z0-9+.-]*:\/\/)/i).flatMap((url) => {
    const typed = /^[a-z][a-z0-9+.-]*:\/\/[^:@/]*:(.*)@/i.exec(url)?.[1];
    const queried = [...url.matchAll(new RegExp(`[?&]${SECRET_KEY}=([^&#]*)`, 'gi'))].map(
      (match) => match[1],
    );
    return [typed, ...queried].flatMap((secret) => (secret ? [secret, decoded(secret)] : []));
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray "%": the text was not encoded.
    return text;
  }
}

/** The text without passwords and tokens: each becomes `***`. JSON stays JSON. */
export function redact(text: string): string {
  let clean = text;
  for (const secret of known) if (clean.includes(secret)) clean = clean.replaceAll(secret, MASK);
  clean = clean.replace(URLS, (urls) =>
    urls
      .split(URL_START)
      .map((url) => url.replace(CREDENTIALS, `$1:${MASK}@`))
      .join(''),
  );
  for (const [pattern, replacement] of RULES) clean = clean.replace(pattern, replacement);
  return clean;
}

/**
 * Masks the passwords of one URL by their form alone; the rest stays, even where it equals some password.
 * Unlike `redact`, which looks for URLs in a text, it also masks a password with quotes or spaces.
 */
export function maskUrl(url: string): string {
  return url
    .replace(CREDENTIALS, `$1:${MASK}@`)
    .replace(new RegExp(`([?&]${SECRET_KEY}=)[^&#]*`, 'gi'), `$1${MASK}`);
}

/** A copy of plain data with every text in it redacted. */
export function redactDeep<Value>(value: Value): Value {
  return deep(value) as Value;
}

function deep(value: unknown): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map(deep);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, deep(each)]));
}

/**
 * Properties of an error that hold no input. Others may: database clients attach whole commands, such as
 * `AUTH`.
 */
const ERROR_FACTS = [
  'code',
  'errno',
  'syscall',
  'address',
  'port',
  'severity',
  'table',
  'constraint',
] as const;
const MAX_CAUSES = 4;

/** What a log may show of an error. */
export function errorFacts(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error;
  const own = error as Error & Readonly<Record<string, unknown>>;
  return {
    type: error.name,
    message: error.message,
    ...Object.fromEntries(
      ERROR_FACTS.flatMap((name) => {
        const fact = own[name];
        return typeof fact === 'string' || typeof fact === 'number' ? [[name, fact]] : [];
      }),
    ),
    stack: error.stack,
    ...(error.cause !== undefined && depth < MAX_CAUSES ? { cause: errorFacts(error.cause, depth + 1) } : {}),
  };
}
