import { whole, plural } from '../../../contract/format.ts';
import { ActionIcon, Badge, Group, Stack } from '@mantine/core';
import { IconDotsVertical } from '@tabler/icons-react';
import { memo } from 'react';
import { StockBar } from '../../components/stock-bar.tsx';
import classes from './sales-panel.module.css';

interface SaleRowProps {
  readonly id: string;
  readonly title: string;
  readonly stock: number;
  readonly sold: number;
  readonly refused: number;
  readonly isOpen: boolean;
  readonly isSoldOut: boolean;
  readonly isDisabled: boolean;
  readonly isMenuOpen: boolean;
  readonly onMenu: (id: string, button: HTMLButtonElement) => void;
}

/** One sale. Takes plain values, so that memo works: each event brings a new list with all sales. */
export const SaleRow = memo(function SaleRow(props: SaleRowProps) {
  const { id, title, stock, sold, refused, isOpen, isSoldOut, isDisabled, isMenuOpen, onMenu } = props;
  return (
    <Stack component="li" className={classes.sale} gap="0.35rem">
      <Group gap="xs" wrap="nowrap">
        <h3 className={classes.title}>{title}</h3>
        {isSoldOut ? (
          <Badge variant="light" size="md">
            sold out
          </Badge>
        ) : null}
        {isOpen ? null : (
          <Badge variant="default" size="md">
            closed
          </Badge>
        )}
        <ActionIcon
          aria-label={`Actions for ${title}`}
          aria-haspopup="menu"
          aria-expanded={isMenuOpen}
          disabled={isDisabled}
          onClick={(event) => onMenu(id, event.currentTarget)}
        >
          <IconDotsVertical size="1.0625rem" aria-hidden />
        </ActionIcon>
      </Group>
      <StockBar stock={stock} sold={sold} label={`Sold of ${title}`} />
      <p className={`muted tiny ${classes.metrics}`}>
        <span>
          <strong>{whole(sold)}</strong> of {plural(stock, 'ticket')} sold
        </span>
        <span>{whole(refused)} refused</span>
        <span className="mono">{id}</span>
      </p>
    </Stack>
  );
});
