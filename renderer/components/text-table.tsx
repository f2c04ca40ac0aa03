interface TextTableProps {
  readonly name: string;
  /** The head first; the first cell of each row names it. */
  readonly rows: readonly (readonly string[])[];
  readonly className?: string | undefined;
  /** Columns from this one on hold figures. */
  readonly figuresFrom?: number;
  /** What its style depends on, as `data-…` of a row. */
  readonly marksOf?: (row: readonly string[]) => Readonly<Record<`data-${string}`, boolean>>;
}

/** A table of texts. Where its columns have no room, each row is a list of names and values. */
export function TextTable({
  name,
  rows: [head = [], ...rows],
  className,
  figuresFrom,
  marksOf,
}: TextTableProps) {
  return (
    <div className="stacks">
      <table className={`table ${className ?? ''}`} aria-label={name}>
        <TableHead titles={head} />
        <tbody>
          {rows.map((row, at) => (
            // Rows may have the same name, and never change their places.
            <tr key={at} {...marksOf?.(row)}>
              <th scope="row">{row[0]}</th>
              {row.slice(1).map((cell, column) => (
                <td
                  key={head[column + 1]}
                  data-name={head[column + 1]}
                  data-number={figuresFrom !== undefined && column + 1 >= figuresFrom ? true : undefined}
                >
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The head of a table whose columns all have a title. */
export function TableHead({ titles }: { readonly titles: readonly string[] }) {
  return (
    <thead>
      <tr>
        {titles.map((title) => (
          <th key={title} scope="col">
            {title}
          </th>
        ))}
      </tr>
    </thead>
  );
}
