import { formatSimilarity } from '../lib/format.js';

/** Cosine similarity as number and bar; below 0 the bar is empty. */
export function Similarity({ value }: { readonly value: number }) {
  return (
    <span className="similarity">
      <span className="similarity__number">
        <span className="visually-hidden">Similarity </span>
        {formatSimilarity(value)}
      </span>
      <span className="similarity__track" aria-hidden="true">
        <span className="similarity__fill" style={{ width: `${Math.max(0, Math.min(1, value)) * 100}%` }} />
      </span>
    </span>
  );
}
