import classes from './loading.module.css';

/** A calm wait: says what is being waited for. */
export function Loading({ label }: { readonly label: string }) {
  return (
    <div className={classes.loading} role="status">
      <span className={classes.dots} aria-hidden>
        <span />
        <span />
        <span />
      </span>
      <p>{label}</p>
    </div>
  );
}
