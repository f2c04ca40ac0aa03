/** Actions of the menu bar, which reach the page in its address: `#/attack?new`, `#/runs/ID?export=html`. */
import { useEffect } from 'react';
import { useControl } from '../store/store.ts';
import { exportRun } from './export-run.ts';
import { hrefOf, useRoute } from './router.ts';

/** Runs the action once and removes it from the address, so that the menu can ask for it again. */
export function useAskedFor(): void {
  const { page, id, query } = useRoute();
  const isLoaded = useControl((state) => state.data !== undefined);
  useEffect(() => {
    const isNew = page === 'attack' && query.has('new');
    const isExport = page === 'runs' && id !== undefined && query.get('export') === 'html';
    if (!isLoaded || !(isNew || isExport)) return;
    window.location.replace(hrefOf(page, id));
    if (isNew) useControl.setState(({ data }) => ({ dismissedRunId: data?.attack?.runId }));
    else void exportRun(id ?? '', 'html');
  }, [page, id, query, isLoaded]);
}
