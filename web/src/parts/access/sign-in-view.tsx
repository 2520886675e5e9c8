import type { Access } from '../../lib/access.js';
import { usePageTitle } from '../page-title.js';
import { SignInForm } from './sign-in-form.js';

const reasons: Readonly<Record<NonNullable<Access['refusal']>, string>> = {
  missing: 'This server shows its pictures to those who have an API key or a token.',
  invalid: 'Your key or token is no longer valid: it has expired or was revoked. Sign in with another one.',
  powerless: 'Your token allows nothing on this server. Sign in with another one.',
};

/** In place of a view that the server does not show without credentials. Its address stays: the view follows. */
export function SignInView({ refusal }: { readonly refusal: NonNullable<Access['refusal']> }) {
  usePageTitle('Sign in');
  return (
    <div className="alone">
      <h1>Sign in</h1>
      <p>{reasons[refusal]}</p>
      <SignInForm />
      <p className="muted">
        This tab alone keeps it, until it is closed. Whoever runs the server makes keys with{' '}
        <code>semblance keys create</code>.
      </p>
    </div>
  );
}
