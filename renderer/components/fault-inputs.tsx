import { NativeSelect, NumberInput } from '@mantine/core';
import { useState } from 'react';
import { faultKind, MAX_FAULT_MS, valueOf, type FaultKind } from '../../contract/faults.ts';
import { sentence } from '../lib/format.ts';

/** Shown above the field, or the field's accessible name alone. */
type Named = { readonly label: string } | { readonly 'aria-label': string };

type AllowedNumberProps = Named & {
  readonly prefix?: string;
  readonly suffix: string;
  readonly value: number;
  readonly min?: number;
  readonly max: number;
  readonly step: number;
  readonly decimalScale?: number;
  readonly onChange: (value: number) => void;
};

/** A number that only passes on what is allowed; what is typed on the way there is dropped when the field is left. */
export function AllowedNumber({
  value,
  min = 0,
  max,
  decimalScale = 3,
  onChange,
  ...others
}: AllowedNumberProps) {
  const [typed, setTyped] = useState<number | string>();
  return (
    <NumberInput
      {...others}
      value={typed ?? value}
      min={min}
      max={max}
      decimalScale={decimalScale}
      allowNegative={min < 0}
      clampBehavior="none"
      onChange={(next) => {
        const isAllowed = typeof next === 'number' && next >= min && next <= max;
        setTyped(isAllowed ? undefined : next);
        if (isAllowed) onChange(next);
      }}
      onBlur={() => setTyped(undefined)}
    />
  );
}

type SecondsProps = Named & {
  readonly prefix?: string;
  readonly valueMs: number;
  readonly minMs?: number;
  readonly onChange: (ms: number) => void;
};

/** A moment or a length of a fault. */
export function Seconds({ valueMs, minMs = 0, onChange, ...others }: SecondsProps) {
  return (
    <AllowedNumber
      {...others}
      suffix=" s"
      value={valueMs / 1_000}
      min={minMs / 1_000}
      max={MAX_FAULT_MS / 1_000}
      step={0.5}
      onChange={(seconds) => onChange(Math.round(seconds * 1_000))}
    />
  );
}

interface FaultValueProps {
  readonly kind: FaultKind;
  readonly value: string;
  /** `Fault 1: `, before the name of a field that shows none. */
  readonly prefix?: string;
  readonly onChange: (value: string) => void;
}

/** What can be set of a kind of fault; nothing for a kind without a value. */
export function FaultValueInput({ kind, value: given, prefix, onChange }: FaultValueProps) {
  const { value } = faultKind(kind);
  if (value === undefined) return null;
  const named =
    prefix === undefined
      ? { label: sentence(value.what).slice(0, -1) }
      : { 'aria-label': prefix + value.what };
  if ('choices' in value)
    return (
      <NativeSelect
        {...named}
        value={given}
        data={[...value.choices]}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  return (
    <AllowedNumber
      {...named}
      suffix={` ${value.unit}`}
      value={Number(given)}
      min={value.min}
      max={value.max}
      step={value.default}
      decimalScale={0}
      onChange={(next) => onChange(valueOf(kind, String(next)) ?? given)}
    />
  );
}
