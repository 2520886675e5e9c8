import { Link } from 'wouter';
import { formatBytes } from '../../lib/format.js';
import { paths } from '../../lib/paths.js';
import type { UploadState } from './uploads.js';

interface UploadStateTextProps {
  readonly state: UploadState;
  readonly name: string;
  readonly sizeBytes: number;
}

/** How far one upload is, or what became of it. */
export function UploadStateText({ state, name, sizeBytes }: UploadStateTextProps) {
  switch (state.kind) {
    case 'waiting':
      return <span className="muted">Waits, {formatBytes(sizeBytes)}</span>;
    case 'sending':
      return state.sent < 1 ? (
        <ShortProgress label={`Sending ${name}`} text="Sending" share={state.sent} />
      ) : (
        <ShortProgress label={`Storing ${name}`} text="Storing" share={undefined} />
      );
    case 'stored':
      return (
        <>
          {state.created ? 'Stored. ' : 'Was in the gallery already. '}
          <Link href={paths.image(state.imageId)} aria-label={`Open ${name}`}>
            Open
          </Link>
        </>
      );
    case 'failed': {
      const { title, detail, advice } = state.error;
      return (
        <span className="upload__reason">
          <strong>{title}.</strong> {detail === undefined || detail === '' ? null : `${detail}. `}
          {advice}
        </span>
      );
    }
  }
}

interface ShortProgressProps {
  readonly label: string;
  readonly text: string;
  readonly share: number | undefined;
}

function ShortProgress({ label, text, share }: ShortProgressProps) {
  const percent = share === undefined ? undefined : Math.round(share * 100);
  return (
    <>
      <span>{percent === undefined ? text : `${text} ${percent} %`}</span>
      <span
        className="progress__track upload__track"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        {...(percent === undefined ? {} : { 'aria-valuenow': percent })}
      >
        <span
          className={percent === undefined ? 'progress__fill progress__fill--unknown' : 'progress__fill'}
          style={percent === undefined ? undefined : { width: `${percent}%` }}
        />
      </span>
    </>
  );
}
