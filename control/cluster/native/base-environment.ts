/**
 * The only variables that a backend inherits: PGPORT, PGDATA or RABBITMQ_NODENAME of the user's shell would
 * change ours.
 */
export const INHERITED = [
  'PATH',
  'TMPDIR',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'DYLD_FALLBACK_LIBRARY_PATH',
];

/** The environment that every backend begins with. */
export function baseEnvironment(home: string): Record<string, string> {
  const inherited = INHERITED.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  // One locale everywhere: log lines are read for errors, and dates are compared.
  return { ...Object.fromEntries(inherited), HOME: home, LANG: 'C.UTF-8', LC_ALL: 'C' };
}
