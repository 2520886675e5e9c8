const number = new Intl.NumberFormat('en');
const date = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

export function formatCount(count: number, singular: string, plural = `${singular}s`): string {
  return `${number.format(count)} ${count === 1 ? singular : plural}`;
}

export function formatNumber(value: number): string {
  return number.format(value);
}

/** Decimal, as file managers show it: 999 B, 54 KB, 1.2 MB. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 9.95 && unit > 1 ? value.toFixed(1) : Math.round(value)} ${units[unit] ?? ''}`;
}

export function formatDimensions({ width, height }: { readonly width: number; readonly height: number }): string {
  return `${width} × ${height}`;
}

/** Cosine similarity to three digits, and never 1.000 for what is not the same. */
export function formatSimilarity(similarity: number): string {
  return similarity < 1 && similarity > 0.9995 ? '0.999' : similarity.toFixed(3);
}

export function formatMs(ms: number): string {
  return `${ms < 9.95 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

export function formatDate(iso: string): string {
  return date.format(new Date(iso));
}

/** Whole seconds, or minutes where it is more than two. */
export function formatSeconds(seconds: number): string {
  return seconds > 120 ? formatCount(Math.ceil(seconds / 60), 'minute') : formatCount(Math.ceil(seconds), 'second');
}
