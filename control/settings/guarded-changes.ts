/** The settings that a page may not change alone: which images run on this machine, and where passwords and traces are sent. */
import type { Settings } from '../../contract/settings.ts';
import { shownToPerson } from '../lib/page-guard.ts';
import { maskSettings } from './settings-masks.ts';

/** The changes that need a confirmation, as lines for a person. */
export function guardedChanges(from: Settings, to: Settings): string[] {
  const [hiddenFrom, hiddenTo] = [maskSettings(from), maskSettings(to)];
  const areas = [
    ['images', from.images, to.images, hiddenFrom.images, hiddenTo.images],
    ['external', from.external, to.external, hiddenFrom.external, hiddenTo.external],
    ['traces', from.traces, to.traces, from.traces, to.traces],
  ] as const;
  return areas.flatMap(([area, before, after, hiddenBefore, hiddenAfter]) =>
    Object.keys(after).flatMap((name) => {
      if (valueOf(before, name) === valueOf(after, name)) return [];
      const [was, shall] = [valueOf(hiddenBefore, name), valueOf(hiddenAfter, name)].map(shown);
      return [`${area}.${name}: ${was} → ${shall}${was === shall ? ', with another password' : ''}`];
    }),
  );
}

function valueOf(area: Readonly<Record<string, string>>, name: string): string {
  return area[name] ?? '';
}

const shown = (value: string): string => (value === '' ? '(empty)' : shownToPerson(value));
