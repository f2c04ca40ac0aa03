import { Button, Checkbox, FileButton, Group, Textarea } from '@mantine/core';
import { useMemo } from 'react';
import { plural } from '../../../contract/format.ts';
import { judgedOf, readShop } from '../../lib/other-shop.ts';
import { useControl } from '../../store/store.ts';
import classes from './shop-field.module.css';

const EMPTY = { file: 'adapter.json', text: '', isOwn: false };

/** The adapter of another shop, and what the audit can judge with it. */
export function ShopField() {
  const shop = useControl((state) => state.shop);
  const read = useMemo(() => (shop && shop.text.trim() !== '' ? readShop(shop) : undefined), [shop]);
  const change = (to: Partial<typeof EMPTY>): void =>
    useControl.setState({ shop: { ...(shop ?? EMPTY), ...to } });
  const open = async (file: File | null): Promise<void> => {
    if (file) change({ file: file.name, text: await file.text() });
  };
  const found = read && 'target' in read ? judgedOf(read.target) : undefined;
  return (
    <div className={classes.shop}>
      <Textarea
        label="Adapter of the shop"
        description="JSON that says how to buy, what an answer means, and where to read who owns what: docs/any-shop.md. No cluster is needed."
        placeholder='{ "name": "shop.py", "url": "http://127.0.0.1:8000", … }'
        classNames={{ input: classes.text ?? '' }}
        autosize
        minRows={3}
        maxRows={8}
        spellCheck={false}
        value={shop?.text ?? ''}
        error={read && 'problem' in read ? read.problem : undefined}
        onChange={(event) => {
          const text = event.currentTarget.value;
          if (text === '') useControl.setState({ shop: undefined });
          else change({ text });
        }}
      />
      <Group gap="sm">
        <FileButton accept=".json,application/json" onChange={(file) => void open(file)}>
          {(props) => (
            <Button {...props} size="compact-sm" variant="default">
              Choose an adapter file…
            </Button>
          )}
        </FileButton>
        {shop ? (
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => useControl.setState({ shop: undefined })}
          >
            Back to FlashGrid’s own shop
          </Button>
        ) : null}
        <Checkbox
          label="This shop is mine, and its hoster allows load tests (for an address that is neither loopback nor private)"
          checked={shop?.isOwn ?? false}
          onChange={(event) => change({ isOwn: event.currentTarget.checked })}
        />
      </Group>
      {found && read && 'target' in read ? (
        <div role="status" className="small">
          <p>
            <strong>{read.target.name}</strong> at {read.target.url}. Judged: {found.judged.join(', ')}.
          </p>
          <p className={classes.rest}>
            Not judged, and never counted as passed: {plural(found.notJudged.length, 'check')}.
          </p>
          <ul className={classes.reasons}>
            {found.notJudged.map(([check, why]) => (
              <li key={check}>
                <strong>{check}:</strong> {why}
              </li>
            ))}
          </ul>
        </div>
      ) : null}
    </div>
  );
}
