/**
 * Markup that can't be forgotten to escape: every value put into an `html` template is escaped, but for what
 * came out of one. Reports hold what buyers sent, and are opened from disk, where a script would have the
 * reader's rights.
 */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | number | Markup | readonly Markup[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * `text` for element content and quoted attributes. Control characters become visible: HTML has no way to
 * write them.
 */
export function escapeText(text: string): string {
  return text
    .replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character)
    .replace(/(?![\n\t])\p{Cc}/gu, '\u{fffd}');
}

/** A template whose values are escaped. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(parts.reduce((text, part, at) => text + render(values[at - 1] ?? '') + part));
}

function render(value: Value): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === 'string') return escapeText(value);
  if (typeof value === 'number') return String(value);
  return value.map((each) => each.text).join('\n');
}

/** Nothing, where markup is wanted. */
export const NOTHING = new Markup('');
