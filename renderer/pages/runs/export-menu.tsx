import { Button, Menu } from '@mantine/core';
import {
  IconBraces,
  IconChevronDown,
  IconDownload,
  IconFileTypeHtml,
  IconFileZip,
  IconTable,
} from '@tabler/icons-react';
import { useState } from 'react';
import type { ExportFormat } from '../../../contract/contract.ts';
import { exportRun } from '../../lib/export-run.ts';
import { useIsOnline } from '../../store/store.ts';

const formats = [
  { format: 'html', label: 'Report, one HTML file', Icon: IconFileTypeHtml },
  { format: 'json', label: 'Full record, JSON', Icon: IconBraces },
  { format: 'csv', label: 'Time series, CSV', Icon: IconTable },
  { format: 'evidence', label: 'Evidence, to be judged by others', Icon: IconFileZip },
] as const satisfies readonly { format: ExportFormat; label: string; Icon: typeof IconTable }[];

interface ExportMenuProps {
  readonly runId: string;
  readonly title: string;
  readonly isCompact?: boolean;
}

/** Exports a run in a chosen format. */
export function ExportMenu({ runId, title, isCompact = false }: ExportMenuProps) {
  const [isBusy, setBusy] = useState(false);
  const isOnline = useIsOnline();
  const exportAs = async (format: ExportFormat): Promise<void> => {
    setBusy(true);
    await exportRun(runId, format);
    setBusy(false);
  };
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        {isCompact ? (
          <Button
            size="compact-sm"
            variant="subtle"
            color="gray"
            loading={isBusy}
            disabled={!isOnline}
            aria-label={`Export ${title}`}
          >
            <IconDownload size={17} aria-hidden />
          </Button>
        ) : (
          <Button
            variant="default"
            loading={isBusy}
            disabled={!isOnline}
            leftSection={<IconDownload size={17} aria-hidden />}
            rightSection={<IconChevronDown size={15} aria-hidden />}
          >
            Export
          </Button>
        )}
      </Menu.Target>
      <Menu.Dropdown>
        {formats.map(({ format, label, Icon }) => (
          <Menu.Item
            key={format}
            leftSection={<Icon size={17} aria-hidden />}
            onClick={() => void exportAs(format)}
          >
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
