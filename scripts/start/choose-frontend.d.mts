/** Types of choose-frontend.mjs, which runs before any TypeScript can. */
export function whyNoWindow(machine: {
  platform: string;
  env: Readonly<Record<string, string | undefined>>;
  uid: number | undefined;
  args: readonly string[];
}): string | undefined;
export function findElectron(
  packageDir: string,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined;
export function readStartArgs(args: readonly string[]): { serveArgs: string[]; dataDir: string | undefined };
export function couldNotStart(end: {
  code: number | null;
  signal: NodeJS.Signals | null;
  livedMs: number;
}): boolean;
