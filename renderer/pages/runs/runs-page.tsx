import { useRoute } from '../../lib/router.ts';
import { BASELINE } from '../../../contract/comparison.ts';
import { RunComparison } from './run-comparison.tsx';
import { RunDetail } from './run-detail.tsx';
import { RunList } from './run-list.tsx';

/** The history of runs, one run's full record, or runs side by side. */
export default function RunsPage() {
  const { id, query } = useRoute();
  const compared = query.get('compare');
  if (id === undefined && compared)
    return <RunComparison ids={compared.split(',')} isAgainstBaseline={query.get('against') === BASELINE} />;
  return id === undefined ? <RunList /> : <RunDetail key={id} id={id} />;
}
