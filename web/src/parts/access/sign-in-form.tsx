import { useApolloClient } from '@apollo/client/react';
import { useState } from 'react';
import { describeError, type DescribedError } from '../../lib/describe-error.js';
import { signIn } from '../../lib/rights.js';
import { announce } from '../page-title.js';
import { DescribedErrorNote } from '../described-error-note.js';

interface SignInFormProps {
  readonly onSignedIn?: () => void;
}

/** Asks for an API key or a token, and keeps it once the server has taken it. */
export function SignInForm({ onSignedIn }: SignInFormProps) {
  const client = useApolloClient();
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<DescribedError>();
  const submit = async (): Promise<void> => {
    setBusy(true);
    setRefusal(undefined);
    const error = await signIn(client, text);
    setBusy(false);
    if (error !== undefined) {
      setRefusal(describeRefusal(error));
      return;
    }
    announce('Signed in');
    onSignedIn?.();
  };
  return (
    <form
      className="sign-in"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() !== '' && !busy) void submit();
      }}
    >
      <label className="field">
        <span className="field__label">API key or token</span>
        <input
          type="password"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          autoFocus
          value={text}
          onChange={({ currentTarget }) => {
            setText(currentTarget.value);
          }}
        />
      </label>
      <button type="submit" className="button button--primary" disabled={text.trim() === '' || busy}>
        {busy ? 'Signing in…' : 'Sign in'}
      </button>
      {refusal === undefined ? null : <DescribedErrorNote described={refusal} />}
    </form>
  );
}

function describeRefusal(error: unknown): DescribedError {
  const described = describeError(error);
  if (error instanceof SyntaxError || described.code === 'UNAUTHENTICATED') {
    return {
      ...described,
      title: 'The server does not know this key',
      advice: 'It is not complete, expired or revoked. Copy all of it, or ask whoever runs the server for a new one.',
    };
  }
  if (described.neededScope === undefined) return described;
  return {
    ...described,
    title: 'This token allows nothing here',
    advice: 'Ask whoever runs the server for one with the scope read, write or admin.',
    detail: undefined,
  };
}
