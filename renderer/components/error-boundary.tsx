import { Button } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { Component, type ReactNode } from 'react';
import { Empty } from './empty.tsx';
import { errorText } from '../../contract/failure.ts';

interface ErrorBoundaryState {
  readonly message: string | undefined;
}

/** Shows the error of a page that broke or could not be loaded; the rest of the window keeps working. */
export class ErrorBoundary extends Component<{ readonly children: ReactNode }, ErrorBoundaryState> {
  override state: ErrorBoundaryState = { message: undefined };

  static getDerivedStateFromError(error: unknown): ErrorBoundaryState {
    return { message: errorText(error) };
  }

  override render(): ReactNode {
    if (this.state.message === undefined) return this.props.children;
    return (
      <div role="alert">
        <h1 className="sr-only">This page could not be shown</h1>
        <Empty
          icon={<IconAlertTriangle size="2.5rem" stroke={1.3} />}
          title="This page could not be shown."
          action={<Button onClick={() => window.location.reload()}>Reload</Button>}
        >
          {this.state.message} A running attack goes on without it.
        </Empty>
      </div>
    );
  }
}
