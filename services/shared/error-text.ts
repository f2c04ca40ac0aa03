/** An error's message, or its name when the message is empty, as in an AggregateError of failed addresses. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
