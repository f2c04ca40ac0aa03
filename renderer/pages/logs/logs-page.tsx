import { whole, plural } from '../../../contract/format.ts';
import { Button, Group, NativeSelect, Stack } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import {
  IconDownload,
  IconListDetails,
  IconPlayerPauseFilled,
  IconPlayerPlayFilled,
} from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { callOrNotify } from '../../client.ts';
import { Empty } from '../../components/empty.tsx';
import { Loading } from '../../components/loading.tsx';
import { notifyDone } from '../../components/notify.tsx';
import { SearchBox } from '../../components/search-box.tsx';
import { formatClock } from '../../lib/format.ts';
import { isLevel, logText, type Level, type LogFilter } from '../../lib/log-filter.ts';
import { hrefOf, navigate, useRoute } from '../../lib/router.ts';
import { useLogLines } from '../../lib/use-log-lines.ts';
import { saveFile } from '../../transport/save-file.ts';
import { LogLines } from './log-lines.tsx';
import classes from './logs-page.module.css';
import { PartFilter } from './part-filter.tsx';

/** Lines in a downloaded file, the most that one answer holds. */
const DOWNLOADED_LINES = 5_000;

const levelLabels: readonly { readonly value: Level; readonly label: string }[] = [
  { value: 'debug', label: 'Everything' },
  { value: 'info', label: 'Info and above' },
  { value: 'warn', label: 'Warnings and errors' },
  { value: 'error', label: 'Errors only' },
];

/** The logs of all parts on one timeline. */
export default function LogsPage() {
  const { query } = useRoute();
  const asked = Number(query.get('at') ?? Number.NaN);
  const atMs = Number.isFinite(asked) ? asked : undefined;
  const [parts, setParts] = useState<readonly string[]>([]);
  const [minLevel, setMinLevel] = useState<Level>('debug');
  const [text, setText] = useState('');
  const [searched] = useDebouncedValue(text, 200);
  const [isFollowing, setFollowing] = useState(true);
  const filter = useMemo<LogFilter>(() => ({ parts, minLevel, text: searched }), [parts, minLevel, searched]);
  const { lines, allParts, total, keptFromMs, failure, reload } = useLogLines(filter, atMs);
  const isTooOld = atMs !== undefined && keptFromMs !== undefined && atMs < keptFromMs;
  const follows = isFollowing && atMs === undefined;

  const download = async (): Promise<void> => {
    const input = { ...filter, parts: [...parts], limit: DOWNLOADED_LINES };
    const found = await callOrNotify(
      'logs.listLines',
      atMs === undefined ? input : { ...input, aroundMs: atMs },
    );
    const file = { fileName: 'flashgrid-logs.txt', mediaType: 'text/plain; charset=utf-8' };
    if (found && (await saveFile({ ...file, text: logText(found.lines) })))
      notifyDone(`${file.fileName} is saved: ${plural(found.lines.length, 'line')}.`);
  };

  return (
    <Stack gap="sm" h="100%">
      <Group gap="sm">
        <h1>Logs</h1>
        <p className={`muted small ${classes.count}`} role="status">
          {lines ? plural(Math.max(total, lines.length), 'line') : ''}
          {lines && total > lines.length ? `, ${whole(lines.length)} shown` : ''}
        </p>
        <SearchBox label="Search the logs" className={classes.search} value={text} onChange={setText} />
        <NativeSelect
          aria-label="Level"
          value={minLevel}
          data={[...levelLabels]}
          onChange={(event) => {
            const { value } = event.currentTarget;
            if (isLevel(value)) setMinLevel(value);
          }}
        />
        <Button
          variant="default"
          leftSection={<IconDownload size={15} aria-hidden />}
          onClick={() => void download()}
        >
          Download
        </Button>
        {atMs === undefined ? (
          <Button
            variant="default"
            aria-pressed={follows}
            leftSection={
              follows ? (
                <IconPlayerPauseFilled size={15} aria-hidden />
              ) : (
                <IconPlayerPlayFilled size={15} aria-hidden />
              )
            }
            onClick={() => setFollowing(!follows)}
          >
            {follows ? 'Following' : 'Follow'}
          </Button>
        ) : (
          <Button
            component="a"
            href={hrefOf('logs')}
            leftSection={<IconPlayerPlayFilled size={15} aria-hidden />}
          >
            Back to now
          </Button>
        )}
      </Group>
      <PartFilter all={allParts} selected={parts} onChange={setParts} />
      {atMs === undefined ? null : (
        <p className="muted small">
          Around <strong>{formatClock(atMs)}</strong>, the moment you picked. The first line from then on is
          marked.
        </p>
      )}
      <section className={`panel ${classes.panel}`} aria-label="Log lines">
        {failure ? (
          <Empty title={failure.message} action={<Button onClick={reload}>Try again</Button>}>
            {failure.fix}
          </Empty>
        ) : lines === undefined ? (
          <Loading label="Reading the logs…" />
        ) : isTooOld ? (
          <Empty
            icon={<IconListDetails size={40} stroke={1.3} />}
            title="The logs of that moment are no longer stored"
            action={
              <Button component="a" variant="default" href={hrefOf('logs')}>
                Show the newest lines
              </Button>
            }
          >
            {`FlashGrid stores the lines since ${formatClock(keptFromMs)}, at most since its start. Run records contain no log lines.`}
          </Empty>
        ) : lines.length === 0 ? (
          <Empty icon={<IconListDetails size={40} stroke={1.3} />} title="No log lines">
            {parts.length > 0 || searched !== '' || minLevel !== 'debug'
              ? 'Nothing matches the filter.'
              : 'Nothing was logged yet. Start the cluster to see the logs of its parts.'}
          </Empty>
        ) : (
          <LogLines
            key={atMs ?? 'now'}
            lines={lines}
            isFollowing={follows}
            markMs={atMs}
            onLeaveEnd={() => setFollowing(false)}
            onPick={(line) => navigate('logs', undefined, { at: String(line.atMs) })}
          />
        )}
      </section>
    </Stack>
  );
}
