import { BACKEND_TITLES } from '../../../contract/backends.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { useCall } from '../../lib/use-call.ts';
import { useData } from '../../store/store.ts';
import classes from './parts-panel.module.css';

/** How other programs reach the backends. */
export function Connections() {
  const startedAtMs = useData((data) => data.cluster.startedAtMs);
  const { value } = useCall('cluster.listConnections', {}, [startedAtMs]);
  if (!value) return null;
  return (
    <details className={classes.connections}>
      <summary className="small">Connections</summary>
      <dl>
        {value.map(({ role, url }) => (
          <div key={role}>
            <dt className="small">{BACKEND_TITLES[role]}</dt>
            <dd className="mono tiny wrapped">{url}</dd>
            <CopyButton text={url} label="Copy" name={`Copy the URL of ${BACKEND_TITLES[role]}`} />
          </div>
        ))}
      </dl>
      <p className="muted tiny">
        <code>flashgrid status --connections</code> prints them with their passwords.
      </p>
    </details>
  );
}
