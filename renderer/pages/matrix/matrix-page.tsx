import { Button, Group, Menu, Stack } from '@mantine/core';
import { IconGrid3x3, IconRefresh } from '@tabler/icons-react';
import { useState } from 'react';
import { providerSchema, type Provider } from '../../../contract/backends.ts';
import { MATRIX_EXPORTS, MATRIX_FORMATS, type MatrixFormat } from '../../../contract/matrix.ts';
import { callOrNotify } from '../../client.ts';
import { ExportButton } from '../../components/export-button.tsx';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { Empty } from '../../components/empty.tsx';
import { Loading } from '../../components/loading.tsx';
import { notifyDone } from '../../components/notify.tsx';
import { isMatrixActive } from '../../lib/attack-phase.ts';
import { useCall } from '../../lib/use-call.ts';
import { useData, useIsOnline } from '../../store/store.ts';
import { saveFile } from '../../transport/save-file.ts';
import { MatrixProgress } from './matrix-progress.tsx';
import { MatrixSetup } from './matrix-setup.tsx';
import { MatrixTable } from './matrix-table.tsx';

/** The crash matrix: what it breaks, how far it is, and what it has found. */
export default function MatrixPage() {
  const matrix = useData((data) => data.matrix);
  const isOnline = useIsOnline();
  const [chosen, setChosen] = useState<Provider>();
  const choice = chosen === undefined ? {} : { provider: chosen };
  const answer = useCall('matrix.getTable', choice, [chosen, matrix?.version]);
  const { value: table, failure, reload } = answer;
  const isActive = isMatrixActive(matrix);
  const canRemove = isOnline && !isActive && (failure !== undefined || (table?.providers.length ?? 0) > 0);
  return (
    <Stack maw="90rem" mx="auto">
      <Group justify="space-between" align="flex-end">
        <div>
          <h1>Crash matrix</h1>
          <p className="muted">
            Each attack breaks one part in the middle. Its audit must find nothing lost, doubled or oversold.
          </p>
        </div>
        <Group gap="xs">
          <ExportResults choice={choice} isDisabled={!isOnline || (table?.attacks ?? 0) === 0} />
          <ConfirmButton
            variant="default"
            disabled={!canRemove}
            leftSection={<IconRefresh size={17} aria-hidden />}
            title="Start afresh?"
            text="All results of the matrix are removed. The records of its runs stay in the history."
            confirmLabel="Remove the results"
            onConfirm={async () => {
              setChosen(undefined);
              await callOrNotify('matrix.clearResults', {});
              reload();
            }}
          >
            Start afresh
          </ConfirmButton>
        </Group>
      </Group>
      {matrix && isActive ? <MatrixProgress matrix={matrix} /> : <MatrixSetup />}
      {failure ? (
        <Empty title={failure.message} action={<Button onClick={reload}>Try again</Button>}>
          {failure.fix}
        </Empty>
      ) : table === undefined ? (
        <Loading label="Reading the results…" />
      ) : table.providers.length === 0 ? (
        <div className="panel">
          <Empty icon={<IconGrid3x3 size={40} stroke={1.3} />} title="No result yet">
            The table of faults and verdicts grows here, one attack after the other. Results are kept: a
            matrix that was stopped goes on where it ended.
          </Empty>
        </div>
      ) : (
        <MatrixTable
          table={table}
          provider={chosen}
          onProvider={(name) => setChosen(providerSchema.safeParse(name).data)}
        />
      )}
    </Stack>
  );
}

interface ExportResultsProps {
  readonly choice: { readonly provider?: Provider };
  readonly isDisabled: boolean;
}

/** Exports the results that are shown, in a chosen format. */
function ExportResults({ choice, isDisabled }: ExportResultsProps) {
  const exportAs = async (format: MatrixFormat): Promise<void> => {
    const file = await callOrNotify('matrix.exportResults', { ...choice, format });
    if (file && (await saveFile(file))) notifyDone(`${file.fileName} is saved.`);
  };
  return (
    <ExportButton isDisabled={isDisabled}>
      {MATRIX_FORMATS.map((format) => (
        <Menu.Item key={format} onClick={() => void exportAs(format)}>
          {MATRIX_EXPORTS[format].label}
        </Menu.Item>
      ))}
    </ExportButton>
  );
}
