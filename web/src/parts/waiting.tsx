import { useDelayed } from '../lib/use-delayed.js';

interface WaitingProps {
  readonly label: string;
  /** Share that is done, 0 to 1; unknown unless given. */
  readonly done?: number | undefined;
}

/** Says that something is under way once it takes longer than a moment. Its place is kept from the beginning. */
export function Waiting({ label, done }: WaitingProps) {
  const shown = useDelayed(true);
  return (
    <div className="waiting" role="status">
      {shown ? <ProgressBar label={label} done={done} /> : null}
    </div>
  );
}

export function ProgressBar({ label, done }: WaitingProps) {
  const percent = done === undefined ? undefined : Math.round(done * 100);
  return (
    <div className="progress">
      <span className="progress__label">
        {label}
        {percent === undefined ? '' : ` ${percent} %`}
      </span>
      <div
        className="progress__track"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        {...(percent === undefined ? {} : { 'aria-valuenow': percent })}
      >
        <div
          className={percent === undefined ? 'progress__fill progress__fill--unknown' : 'progress__fill'}
          style={percent === undefined ? undefined : { width: `${percent}%` }}
        />
      </div>
    </div>
  );
}
