import { useRoute } from '../../lib/router.ts';
import { RunDetail } from './run-detail.tsx';
import { RunList } from './run-list.tsx';

/** The history of runs, or one run's full record. */
export default function RunsPage() {
  const { id } = useRoute();
  return id === undefined ? <RunList /> : <RunDetail key={id} id={id} />;
}
