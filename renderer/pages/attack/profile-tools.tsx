import { Button, FileButton, Group, TextInput } from '@mantine/core';
import { useState } from 'react';
import { quoted, readCommandLine, settingsAsOptions, UsageError } from '../../../contract/attack-options.ts';
import {
  PROFILE_SUFFIX,
  parseProfile,
  profileFileName,
  profileOf,
  profileText,
  type AttackProfile,
} from '../../../contract/attack-profile.ts';
import type { AttackSettings } from '../../../contract/attack-settings.ts';
import { FailureError } from '../../../contract/failure.ts';
import { callOrNotify } from '../../client.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { notifyDone, notifyFailure } from '../../components/notify.tsx';
import { useControl, useIsOnline, type ChosenShop } from '../../store/store.ts';
import { saveFile } from '../../transport/save-file.ts';

interface ProfileToolsProps {
  /** What the form describes; missing while a field is wrong. */
  readonly settings: AttackSettings | undefined;
  /** The saved attack that the form equals, if any. */
  readonly saved: string | undefined;
  /** Whether the form attacks another shop, by its adapter. */
  readonly shop: ChosenShop | undefined;
  readonly onTake: (settings: AttackSettings) => void;
}

const BUTTON = { size: 'compact-sm', variant: 'default' } as const;

const targetOptions = ({ file, isOwn }: ChosenShop) =>
  `--target ${quoted(file)} ${isOwn ? '--i-own-this-target ' : ''}`;

/** Saves the attack of the form under a name, moves it in and out as a file, and as a command line. */
export function ProfileTools({ settings, saved, shop, onTake }: ProfileToolsProps) {
  const isOnline = useIsOnline();
  const [asked, setAsked] = useState<'name' | 'command'>();
  const open = async (file: File | null): Promise<void> => {
    if (!file) return;
    try {
      const profile = parseProfile(await file.text(), file.name);
      onTake(profile.attack);
      await keep(profile.name, profile);
    } catch (problem) {
      if (!(problem instanceof FailureError)) throw problem;
      notifyFailure(problem.failure);
    }
  };
  const exportFile = async (): Promise<void> => {
    if (!settings) return;
    const name = saved ?? 'attack';
    const file = { fileName: profileFileName(name), mediaType: 'application/json' };
    if (await saveFile({ ...file, text: profileText(profileOf(name, settings)) }))
      notifyDone(`${file.fileName} is saved.`);
  };
  /** Gives the problem with a text. */
  const take = async (text: string): Promise<string | undefined> => {
    if (asked === 'name') {
      if (settings && (await keep(text, profileOf(text, settings)))) setAsked(undefined);
      return undefined;
    }
    try {
      const { settings: read, others } = readCommandLine(text);
      onTake(read);
      setAsked(undefined);
      const left = others.map((one) => `--${one}`).join(', ');
      if (left !== '') notifyDone(`Left out, being no part of these settings: ${left}.`);
      return undefined;
    } catch (problem) {
      if (!(problem instanceof UsageError)) throw problem;
      return problem.message;
    }
  };
  const toggle = (what: 'name' | 'command') => () => setAsked(asked === what ? undefined : what);
  return (
    <div>
      <Group gap="xs">
        <Button {...BUTTON} disabled={!settings || !isOnline} onClick={toggle('name')}>
          Save as…
        </Button>
        {saved === undefined ? null : (
          <Button {...BUTTON} disabled={!isOnline} onClick={() => void keep(saved, undefined)}>
            Remove “{saved}”
          </Button>
        )}
        <FileButton accept={`${PROFILE_SUFFIX},application/json`} onChange={(file) => void open(file)}>
          {(props) => (
            <Button {...props} {...BUTTON} disabled={!isOnline}>
              Open file…
            </Button>
          )}
        </FileButton>
        <Button {...BUTTON} disabled={!settings} onClick={() => void exportFile()}>
          Export file
        </Button>
        {settings ? (
          <CopyButton
            text={`flashgrid attack ${shop ? targetOptions(shop) : ''}${settingsAsOptions(settings)}`.trim()}
            label="Copy as command line"
          />
        ) : null}
        <Button {...BUTTON} onClick={toggle('command')}>
          Paste a command line…
        </Button>
      </Group>
      {asked === 'name' ? <Ask label="Name of this attack" maxLength={60} word="Save" onDone={take} /> : null}
      {asked === 'command' ? (
        <Ask
          label="Command line of an attack"
          // An example: what a terminal or a report shows can be pasted.
          placeholder="flashgrid attack --requests 5000 --stock 50"
          word="Take over"
          onDone={take}
        />
      ) : null}
    </div>
  );
}

interface AskProps {
  readonly label: string;
  readonly word: string;
  readonly placeholder?: string;
  readonly maxLength?: number;
  /** Resolves to what is wrong with the text. */
  readonly onDone: (text: string) => Promise<string | undefined>;
}

/** One line of text, and a button that takes it. */
function Ask({ word, onDone, ...field }: AskProps) {
  const [text, setText] = useState('');
  const [error, setError] = useState<string>();
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() !== '') void onDone(text.trim()).then(setError);
      }}
    >
      <Group align="flex-end" gap="xs" pt="xs">
        <TextInput
          {...field}
          style={{ flex: 1 }}
          autoFocus
          value={text}
          error={error}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Button type="submit" disabled={text.trim() === ''}>
          {word}
        </Button>
      </Group>
    </form>
  );
}

/** Puts an attack into the settings in the place of the one of that name, or takes that one out. */
async function keep(name: string, profile: AttackProfile | undefined): Promise<boolean> {
  const settings = useControl.getState().data?.settings;
  if (!settings) return false;
  const others = settings.profiles.filter((one) => one.name !== name);
  const profiles = profile ? [...others, profile] : others;
  const done = await callOrNotify('settings.saveSettings', { ...settings, profiles });
  if (done) notifyDone(profile ? `Saved as “${name}”.` : `“${name}” is removed.`);
  return done !== undefined;
}
