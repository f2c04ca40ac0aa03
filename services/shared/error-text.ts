/** An error's message. Node leaves it empty when several addresses of a host have failed: then theirs. */
export function errorText(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(errorText).join('; ');
  return error instanceof Error ? error.message || error.name : String(error);
}
