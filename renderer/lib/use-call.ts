import { useCallback, useEffect, useState } from 'react';
import type { CommandInput, CommandName, CommandOutput } from '../../contract/contract.ts';
import type { Failure } from '../../contract/failure.ts';
import { call } from '../client.ts';
import { useIsOnline } from '../store/store.ts';
import { OFFLINE } from './offline.ts';

export interface Answer<Name extends CommandName> {
  /** The last one; a failure does not remove it. */
  readonly value: CommandOutput<Name> | undefined;
  readonly failure: Failure | undefined;
  readonly isBusy: boolean;
  readonly reload: () => void;
}

/**
 * What a command answers: asked on mount and on request.
 * @param changes asked again when one of them changes, as is the input among them
 */
export function useCall<Name extends CommandName>(
  name: Name,
  input: CommandInput<Name>,
  changes: readonly unknown[],
): Answer<Name> {
  const isOnline = useIsOnline();
  const [value, setValue] = useState<CommandOutput<Name>>();
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);
  const [version, setVersion] = useState(0);
  useEffect(() => {
    if (!isOnline) return;
    let isCurrent = true;
    setBusy(true);
    void call(name, input).then((result) => {
      // An older answer must not overwrite a newer one.
      if (!isCurrent) return;
      setBusy(false);
      setFailure(result.ok ? undefined : result.error);
      if (result.ok) setValue(result.value);
    });
    return () => {
      isCurrent = false;
      setBusy(false);
    };
  }, [name, isOnline, version, ...changes]);
  const reload = useCallback(() => setVersion((before) => before + 1), []);
  return { value, failure: failure ?? (value || isOnline ? undefined : OFFLINE), isBusy, reload };
}
