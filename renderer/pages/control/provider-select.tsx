import { NativeSelect } from '@mantine/core';
import { providerChoiceSchema, type ProviderChoice } from '../../../contract/settings.ts';

export const PROVIDER_LABELS: Readonly<Record<ProviderChoice, string>> = {
  auto: 'Automatic: containers, else this machine',
  docker: 'Containers (Docker or Podman)',
  native: 'This machine’s own backends',
  external: 'Backends that run elsewhere',
};

interface ProviderSelectProps {
  readonly value: ProviderChoice;
  readonly onChange: (value: ProviderChoice) => void;
}

/** Chooses the provider of the backends. */
export function ProviderSelect({ value, onChange }: ProviderSelectProps) {
  return (
    <NativeSelect
      aria-label="Where the backends come from"
      value={value}
      data={providerChoiceSchema.options.map((option) => ({ value: option, label: PROVIDER_LABELS[option] }))}
      onChange={(event) => onChange(providerChoiceSchema.parse(event.currentTarget.value))}
    />
  );
}
