import { Loader } from '@mantine/core';
import classes from './loading.module.css';

/** A wait, with what it waits for. */
export function Loading({ label }: { readonly label: string }) {
  return (
    <div className={classes.loading} role="status">
      <Loader type="dots" size="sm" aria-hidden />
      <p>{label}</p>
    </div>
  );
}
