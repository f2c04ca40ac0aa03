import { Menu } from '@mantine/core';
import {
  IconBraces,
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
import { ExportButton } from '../../components/export-button.tsx';
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

/** A line of a menu for each format. */
export function ExportItems({ onChoose }: { readonly onChoose: (format: ExportFormat) => void }) {
  return EXPORT_FORMATS.map((format) => {
    const Icon = ICONS[format] ?? IconFile;
    return (
      <Menu.Item key={format} leftSection={<Icon size={17} aria-hidden />} onClick={() => onChoose(format)}>
        {EXPORTS[format].label}
      </Menu.Item>
    );
  });
}

/** Exports a run in a chosen format. */
export function ExportMenu({ runId }: { readonly runId: string }) {
  const [isBusy, setBusy] = useState(false);
  const isOnline = useIsOnline();
  const exportAs = async (format: ExportFormat): Promise<void> => {
    setBusy(true);
    await exportRun(runId, format);
    setBusy(false);
  };
  return (
    <ExportButton isDisabled={!isOnline} isBusy={isBusy}>
      <ExportItems onChoose={(format) => void exportAs(format)} />
    </ExportButton>
  );
}
