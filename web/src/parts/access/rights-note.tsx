import { useAccess, type Scope } from '../../lib/access.js';
import { AccessButton } from './access-button.js';

interface RightsNoteProps {
  readonly needs: Scope;
  /** What it takes: "add or delete pictures". */
  readonly what: string;
}

/** Beside controls that are disabled for want of a scope: why, and what to do. */
export function RightsNote({ needs, what }: RightsNoteProps) {
  const { credential } = useAccess();
  return (
    <div className="note rights">
      <p>{describeLack(credential, needs, what)}</p>
      <AccessButton label={credential === undefined ? 'Sign in' : 'Use another key'} />
    </div>
  );
}

/** Why a control is disabled for want of a scope, in a sentence. */
export function describeLack(credential: string | undefined, needs: Scope, what: string): string {
  return credential === undefined
    ? `On this server it takes a key to ${what}: one with the scope ${needs}.`
    : `Your key does not let you ${what}: that takes the scope ${needs}.`;
}
