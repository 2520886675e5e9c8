import { useState } from 'react';
import { forgetCredential, mayDo, useAccess, type Access } from '../../lib/access.js';
import { Dialog } from '../dialog.js';
import { SignInForm } from './sign-in-form.js';

/** Opens what is known of the credentials. Nothing where none are needed and none are there. */
export function AccessButton({
  label,
  className = 'button',
}: {
  readonly label?: string;
  readonly className?: string;
}) {
  const access = useAccess();
  const [open, setOpen] = useState(false);
  const close = (): void => {
    setOpen(false);
  };
  const { credential } = access;
  return (
    <>
      <button
        type="button"
        className={className}
        onClick={() => {
          setOpen(true);
        }}
      >
        {label ?? (credential === undefined ? 'Sign in' : 'Signed in')}
      </button>
      {open ? (
        <Dialog title={credential === undefined ? 'Sign in' : 'Signed in'} onCancel={close}>
          {credential === undefined ? null : (
            <>
              <p>
                With {nameOf(credential)}. {describeRights(access)}
              </p>
              <button type="button" className="button" onClick={forgetCredential}>
                Forget it
              </button>
              <p className="muted">Or go on with another one:</p>
            </>
          )}
          {credential === undefined ? <p>{describeRights(access)}</p> : null}
          <SignInForm onSignedIn={close} />
          <div className="dialog__actions">
            <button type="button" className="button" onClick={close}>
              Close
            </button>
          </div>
        </Dialog>
      ) : null}
    </>
  );
}

/** Of a key what lists of keys show of it; of a token nothing. */
function nameOf(credential: string): string {
  const id = /^smb_([0-9a-f]{16})_/.exec(credential)?.[1];
  return id === undefined ? 'a token' : `the API key ${id}`;
}

function describeRights(access: Access): string {
  const who = access.credential === undefined ? 'Without a key you may' : 'It lets you';
  if (access.refusal !== undefined) return '';
  if (!mayDo('write', access)) return `${who} look and search.`;
  if (!mayDo('admin', access)) return `${who} look, search, add and delete pictures.`;
  return access.asked ? `${who} do everything.` : '';
}
