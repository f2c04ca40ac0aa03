/** What the app did to its surroundings, and what the person at the screen answers. */
interface Waiting {
  readonly kind: string;
  readonly options: unknown;
  readonly resolve: (answer: unknown) => void;
}

const records: { readonly kind: string; readonly value: unknown }[] = [];
const dialogs: Waiting[] = [];

/** Notes one thing that the app did. */
export function record(kind: string, value: unknown): void {
  records.push({ kind, value });
}

/** Everything of a kind so far. */
export function recorded(kind: string): unknown[] {
  return records.filter((entry) => entry.kind === kind).map(({ value }) => value);
}

/** Shows a dialog: resolves with what the test answers. */
export function showDialog(kind: string, options: unknown): Promise<unknown> {
  record('dialog', { kind, options });
  return new Promise((resolve) => dialogs.push({ kind, options, resolve }));
}

/** The dialog that is open now. */
export function openDialog(): { readonly kind: string; readonly options: unknown } | undefined {
  const [first] = dialogs;
  return first && { kind: first.kind, options: first.options };
}

/** Answers the open dialog. */
export function answerDialog(answer: unknown): void {
  const dialog = dialogs.shift();
  if (!dialog) throw new Error('no dialog is open');
  dialog.resolve(answer);
}
