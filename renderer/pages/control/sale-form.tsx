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

interface SaleFormProps {
  readonly mode: SaleFormMode;
  readonly onClose: () => void;
}

/** Opens, changes or resets a sale, each with the fields that it needs. */
export function SaleForm({ mode, onClose }: SaleFormProps) {
  const sale = mode.kind === 'open' ? undefined : mode.sale;
  const [id, setId] = useState('');
  const [title, setTitle] = useState(sale?.title ?? '');
  const [stock, setStock] = useState<number | string>(sale?.stock ?? 20);
  const [limit, setLimit] = useState<number | string>(sale?.perBuyerLimit ?? 1);
  const [saleMode, setSaleMode] = useState<string>(sale?.mode ?? 'queue');
  const [errors, setErrors] = useState<Readonly<Record<string, string>>>({});
  const [isBusy, setBusy] = useState(false);

  const send = async (): Promise<Readonly<Record<string, string>>> => {
    if (mode.kind === 'open') {
      const input = newSaleSchema.safeParse({
        ...(id === '' ? {} : { id }),
        ...(title === '' ? {} : { title }),
        stock,
        perBuyerLimit: limit,
        mode: saleMode,
      });
      if (!input.success) return fieldErrors(input.error.issues);
      const result = await call('sales.openSale', input.data);
      return result.ok
        ? {}
        : { [result.error.field ?? 'form']: `${result.error.message} ${result.error.fix}` };
    }
    const change = saleChangeSchema.safeParse(
      mode.kind === 'reset'
        ? { reset: { stock } }
        : { ...(title === '' ? {} : { title }), perBuyerLimit: limit, mode: saleMode },
    );
    if (!change.success) return fieldErrors(change.error.issues);
    const result = await call('sales.changeSale', { id: mode.sale.id, change: change.data });
    return result.ok ? {} : { [result.error.field ?? 'form']: `${result.error.message} ${result.error.fix}` };
  };
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
              placeholder="Reunion tour, front row"
              value={title}
              error={errors['title']}
              onChange={(event) => setTitle(event.currentTarget.value)}
              data-autofocus
            />
          )}
          {mode.kind === 'open' ? (
            <TextInput
              label="Id"
              description="Part of the URL. Leave it empty to get one."
              value={id}
              error={errors['id']}
              onChange={(event) => setId(event.currentTarget.value)}
            />
          ) : null}
          {mode.kind === 'change' ? null : (
            <NumberInput
              label="Tickets"
              min={1}
              max={10_000_000}
              allowDecimal={false}
              thousandSeparator=","
              value={stock}
              error={errors['stock'] ?? errors['reset']}
              onChange={setStock}
            />
          )}
          {mode.kind === 'reset' ? null : (
            <>
              <NumberInput
                label="Most tickets for one buyer"
                min={1}
                max={10}
                allowDecimal={false}
                value={limit}
                error={errors['perBuyerLimit']}
                onChange={setLimit}
              />
              <NativeSelect
                label="When it is sold out"
                value={saleMode}
                data={saleModeSchema.options.map((option) => ({
                  value: option,
                  label:
                    option === 'queue'
                      ? 'The worker refuses buyers (queue)'
                      : 'The gateway rejects buyers (shed)',
                }))}
                onChange={(event) => setSaleMode(event.currentTarget.value)}
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

function fieldErrors(
  issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    issues.map(({ path, message }) => [String(path[0] ?? 'form'), sentence(message)]),
  );
}
