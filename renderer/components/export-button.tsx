import { Button, Menu } from '@mantine/core';
import { IconChevronDown, IconDownload } from '@tabler/icons-react';
import type { ReactNode } from 'react';

interface ExportButtonProps {
  readonly isDisabled: boolean;
  readonly isBusy?: boolean;
  /** A `Menu.Item` for each format. */
  readonly children: ReactNode;
}

/** The button of every page that exports something, with its menu. */
export function ExportButton({ isDisabled, isBusy = false, children }: ExportButtonProps) {
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button
          variant="default"
          loading={isBusy}
          disabled={isDisabled}
          leftSection={<IconDownload size={17} aria-hidden />}
          rightSection={<IconChevronDown size={15} aria-hidden />}
        >
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>{children}</Menu.Dropdown>
    </Menu>
  );
}
