/** An SVG area under values, scaled to the highest of them, at least 10: a single request must not fill it. */
export function areaPath(values: readonly number[], width: number, height: number): string {
  if (values.length < 2) return '';
  const top = Math.max(10, ...values);
  const step = width / (values.length - 1);
  const points = values.map(
    (value, index) => `${(index * step).toFixed(1)},${(height - (value / top) * height).toFixed(1)}`,
  );
  return `M0,${height} L${points.join(' L')} L${width},${height} Z`;
}
