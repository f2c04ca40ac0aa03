/** What an error says; its name where it says nothing, as the one that gathers failed addresses. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
