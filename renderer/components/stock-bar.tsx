import classes from './stock-bar.module.css';

/** Up to this stock, each ticket is drawn; more would be too small to see. */
const MAX_STUBS = 60;

interface StockBarProps {
  readonly stock: number;
  readonly sold: number;
  readonly label: string;
  readonly isLarge?: boolean;
}

/** The sold part of a stock: ticket by ticket for a small stock, else as one bar. */
export function StockBar({ stock, sold, label, isLarge = false }: StockBarProps) {
  const shown = Math.min(sold, stock);
  const common = {
    role: 'meter',
    'aria-label': label,
    'aria-valuemin': 0,
    'aria-valuemax': stock,
    'aria-valuenow': shown,
    'aria-valuetext': `${sold} of ${stock}`,
    'data-large': isLarge,
    'data-locked': shown === stock,
  } as const;
  if (stock > MAX_STUBS) {
    return (
      <div {...common} className={classes.bar}>
        <span style={{ transform: `scaleX(${stock === 0 ? 0 : shown / stock})` }} />
      </div>
    );
  }
  return (
    <div {...common} className={classes.stubs}>
      {Array.from({ length: stock }, (_, index) => (
        <span key={index} data-sold={index < shown} />
      ))}
    </div>
  );
}
