import { Button, Menu } from '@mantine/core';
import {
  IconBraces,
  IconChevronDown,
  IconDownload,
  IconFile,
  IconFileTypeHtml,
  IconFileTypePdf,
  IconFileTypeXml,
  IconFileZip,
  IconMarkdown,
  IconPhoto,
  IconTable,
} from '@tabler/icons-react';
import { useState } from 'react';
import { EXPORTS, EXPORT_FORMATS, type ExportFormat } from '../../../contract/export-formats.ts';
import { exportRun } from '../../lib/export-run.ts';
import { useIsOnline } from '../../store/store.ts';

const ICONS: Readonly<Partial<Record<ExportFormat, typeof IconFile>>> = {
  html: IconFileTypeHtml,
  pdf: IconFileTypePdf,
  json: IconBraces,
  csv: IconTable,
  md: IconMarkdown,
  junit: IconFileTypeXml,
  png: IconPhoto,
  evidence: IconFileZip,
};

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
  const icon = <IconDownload size={17} aria-hidden />;
  const compact = { size: 'compact-sm', variant: 'subtle', color: 'gray', 'aria-label': `Export ${title}` };
  const full = {
    variant: 'default',
    leftSection: icon,
    rightSection: <IconChevronDown size={15} aria-hidden />,
  };
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button loading={isBusy} disabled={!isOnline} {...(isCompact ? compact : full)}>
          {isCompact ? icon : 'Export'}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {EXPORT_FORMATS.map((format) => {
          const Icon = ICONS[format] ?? IconFile;
          return (
            <Menu.Item
              key={format}
              leftSection={<Icon size={17} aria-hidden />}
              onClick={() => void exportAs(format)}
            >
              {EXPORTS[format].label}
            </Menu.Item>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}
