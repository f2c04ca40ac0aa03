/** What the menu bar asks of a page, in its address: `#/attack?new` and `#/runs/ID?export=html`. */
import { useEffect } from 'react';
import { useControl } from '../store/store.ts';
import { exportRun } from './export-run.ts';
import { hrefOf, useRoute } from './router.ts';

/** Does it once, and takes it out of the address: asked for again, it is done again. */
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
