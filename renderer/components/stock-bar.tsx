import classes from './stock-bar.module.css';

/** Up to this many, each ticket is drawn; more would be dust. */
const MAX_STUBS = 60;

interface StockBarProps {
  readonly stock: number;
  readonly sold: number;
  readonly label: string;
  readonly isLarge?: boolean;
}

/** What is sold of a stock: ticket by ticket while they can be told apart, else as one bar. It can't grow past the stock. */
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
