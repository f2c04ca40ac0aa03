import { Button, Group } from '@mantine/core';
import { IconEye, IconFolderOpen } from '@tabler/icons-react';
import { useState } from 'react';
import type { Access } from '../../../contract/state.ts';
import { callOrNotify } from '../../client.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { useData, useIsOnline } from '../../store/store.ts';
import classes from './app-panel.module.css';

/** The data folder, and the address and token for a browser on this machine. */
export function AccessPanel() {
  const app = useData((data) => data.app);
  const isOnline = useIsOnline();
  const [access, setAccess] = useState<Access>();
  if (!app) return null;
  return (
    <section className={`panel ${classes.box}`} aria-label="Access">
      <h2>Access</h2>
      <dl>
        <div>
          <dt>Data folder</dt>
          <dd className="mono">{app.dataDir}</dd>
        </div>
        {access ? (
          <>
            <div>
              <dt>Address</dt>
              <dd className="mono">{access.url}</dd>
            </div>
            <div>
              <dt>Token</dt>
              <dd className="mono">{access.token}</dd>
            </div>
          </>
        ) : null}
      </dl>
      <Group gap="xs">
        <CopyButton text={app.dataDir} label="Copy the folder" />
        {app.canOpenDataDir ? (
          <Button
            size="compact-sm"
            variant="default"
            disabled={!isOnline}
            leftSection={<IconFolderOpen size={15} aria-hidden />}
            onClick={() => void callOrNotify('app.openDataFolder', {})}
          >
            Open the folder
          </Button>
        ) : null}
        {access ? (
          <>
            <CopyButton text={access.url} label="Copy the address" />
            <CopyButton text={access.token} label="Copy the token" />
          </>
        ) : (
          <Button
            size="compact-sm"
            variant="default"
            disabled={!isOnline}
            leftSection={<IconEye size={15} aria-hidden />}
            onClick={() => void callOrNotify('app.getAccess', {}).then(setAccess)}
          >
            Show the address and token
          </Button>
        )}
      </Group>
      <p className="muted">
        The address opens FlashGrid in a browser on this machine; the page keeps a cookie, not the token.
        Whoever has the token can do everything that you can do here, until FlashGrid ends. The next start
        makes a new one.
      </p>
    </section>
  );
}
