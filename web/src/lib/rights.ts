import type { ApolloClient } from '@apollo/client';
import { useApolloClient } from '@apollo/client/react';
import { useEffect } from 'react';
import { AskRightsDocument } from '../generated/graphql.js';
import { currentAccess, keepCredential, learn, mayDo, useAccess, type Scope } from './access.js';
import { describeError } from './describe-error.js';

let asking = false;

/** Whether what needs that scope is allowed; true until the server has said that it is not. */
export function useMay(needed: Scope): boolean {
  const client = useApolloClient();
  const access = useAccess();
  const unknown = !access.asked;
  useEffect(() => {
    if (!unknown || asking) return;
    asking = true;
    void askRights(client).finally(() => {
      asking = false;
    });
  }, [client, unknown]);
  return mayDo(needed, access);
}

/** Of the tab's credential, or of nobody; where there is no answer, it stays unknown. What is lacking, the refusal tells. */
async function askRights(client: ApolloClient): Promise<void> {
  const { credential } = currentAccess();
  const { error } = await ask(client, undefined);
  if (credential !== currentAccess().credential) return;
  if (error === undefined || describeError(error).neededScope !== undefined) learn({ asked: true });
}

/**
 * Keeps a credential that the server takes, and reads everything again that failed or is shown.
 * @returns what it was refused with
 */
export async function signIn(client: ApolloClient, text: string): Promise<unknown> {
  const credential = text.trim().replace(/^Bearer\s+/i, '');
  // A header takes no other characters, so the server would not see them.
  if (!/^[\x21-\x7e]+$/.test(credential)) return new SyntaxError('No key or token has such characters');
  const { error } = await ask(client, credential);
  const lacking = error === undefined ? undefined : describeError(error).neededScope;
  if (error !== undefined && (lacking === undefined || lacking === 'read')) return error;
  const wasRefused = currentAccess().refusal !== undefined;
  keepCredential(credential, lacking);
  // Behind a refusal no view is open; each asks when it opens.
  if (!wasRefused) await client.refetchQueries({ include: 'active' }).catch(() => undefined);
  return undefined;
}

async function ask(client: ApolloClient, credential: string | undefined): Promise<{ readonly error: unknown }> {
  try {
    await client.mutate({
      mutation: AskRightsDocument,
      fetchPolicy: 'no-cache',
      ...(credential === undefined ? {} : { context: { headers: { Authorization: `Bearer ${credential}` } } }),
    });
    return { error: undefined };
  } catch (error) {
    return { error };
  }
}
