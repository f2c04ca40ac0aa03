import { Button, Group, Modal, NativeSelect, NumberInput, Stack, Text, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { newSaleSchema, saleChangeSchema, saleModeSchema, type SaleView } from '../../../contract/sales.ts';
import { call } from '../../client.ts';
import { sentence } from '../../lib/format.ts';

export type SaleFormMode =
  | { readonly kind: 'open' }
  | { readonly kind: 'change'; readonly sale: SaleView }
  | { readonly kind: 'reset'; readonly sale: SaleView };

const titles = { open: 'Open a sale', change: 'Change the sale', reset: 'Reset the sale?' } as const;
const actions = { open: 'Open the sale', change: 'Save', reset: 'Delete its tickets and reset' } as const;

type Field = 'id' | 'title' | 'stock' | 'perBuyerLimit' | 'mode';

interface SaleFormProps {
  readonly mode: SaleFormMode;
  readonly onClose: () => void;
}

/** Opens, changes or resets a sale, each with the fields that it needs. */
export function SaleForm({ mode, onClose }: SaleFormProps) {
  const sale = mode.kind === 'open' ? undefined : mode.sale;
  const [fields, setFields] = useState<Readonly<Record<Field, number | string>>>({
    id: '',
    title: sale?.title ?? '',
    stock: sale?.stock ?? 20,
    perBuyerLimit: sale?.perBuyerLimit ?? 1,
    mode: sale?.mode ?? 'queue',
  });
  const [errors, setErrors] = useState<Readonly<Record<string, string>>>({});
  const [isBusy, setBusy] = useState(false);

  const send = async (): Promise<Readonly<Record<string, string>>> => {
    const { id, title, ...numbers } = fields;
    const { stock, ...change } = { ...(title === '' ? {} : { title }), ...numbers };
    const input =
      mode.kind === 'open'
        ? newSaleSchema.safeParse({ ...(id === '' ? {} : { id }), ...change, stock })
        : saleChangeSchema.safeParse(mode.kind === 'reset' ? { reset: { stock } } : change);
    if (!input.success)
      return Object.fromEntries(
        input.error.issues.map(({ path, message }) => [String(path[0] ?? 'form'), sentence(message)]),
      );
    const result = await (mode.kind === 'open'
      ? call('sales.openSale', newSaleSchema.parse(input.data))
      : call('sales.changeSale', { id: mode.sale.id, change: input.data }));
    return result.ok ? {} : { [result.error.field ?? 'form']: `${result.error.message} ${result.error.fix}` };
  };
  const set = (field: Field, value: number | string): void =>
    setFields((before) => ({ ...before, [field]: value }));
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    const found = await send();
    setBusy(false);
    setErrors(found);
    if (Object.keys(found).length === 0) onClose();
  };

  return (
    <Modal opened onClose={onClose} title={titles[mode.kind]}>
      <form onSubmit={(event) => void submit(event)} noValidate>
        <Stack>
          {mode.kind === 'reset' ? (
            <p className="muted">
              All tickets of “{mode.sale.title}” are deleted, and all units are on sale again. Reservations
              that are still in the queue are refused.
            </p>
          ) : (
            <TextInput
              label="Title"
              // An example: a sale that is made here has no title until somebody gives it one.
              placeholder="Reunion tour, front row"
              value={fields.title}
              error={errors['title']}
              onChange={(event) => set('title', event.currentTarget.value)}
              data-autofocus
            />
          )}
          {mode.kind === 'open' ? (
            <TextInput
              label="Id"
              description="Part of the URL. Leave it empty to get one."
              value={fields.id}
              error={errors['id']}
              onChange={(event) => set('id', event.currentTarget.value)}
            />
          ) : null}
          {mode.kind === 'change' ? null : (
            <NumberInput
              label="Tickets"
              min={1}
              max={10_000_000}
              allowDecimal={false}
              thousandSeparator=","
              value={fields.stock}
              error={errors['stock'] ?? errors['reset']}
              onChange={(value) => set('stock', value)}
            />
          )}
          {mode.kind === 'reset' ? null : (
            <>
              <NumberInput
                label="Most tickets for one buyer"
                min={1}
                max={10}
                allowDecimal={false}
                value={fields.perBuyerLimit}
                error={errors['perBuyerLimit']}
                onChange={(value) => set('perBuyerLimit', value)}
              />
              <NativeSelect
                label="When it is sold out"
                value={fields.mode}
                data={saleModeSchema.options.map((option) => ({
                  value: option,
                  label:
                    option === 'queue'
                      ? 'The worker refuses buyers (queue)'
                      : 'The gateway rejects buyers (shed)',
                }))}
                onChange={(event) => set('mode', event.currentTarget.value)}
              />
            </>
          )}
          {errors['form'] === undefined ? null : (
            <Text role="alert" size="sm" c="red">
              {errors['form']}
            </Text>
          )}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={isBusy} {...(mode.kind === 'reset' ? { color: 'red' } : {})}>
              {actions[mode.kind]}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
