/** The loader's hook: one name is resolved elsewhere, all others as ever. */
const STAND_IN = new URL('./electron.ts', import.meta.url).href;

export async function resolve(specifier, context, next) {
  // Handed on, not short-circuited: the stand-in is TypeScript, which the next hook reads.
  return await next(specifier === 'electron' ? STAND_IN : specifier, context);
}
