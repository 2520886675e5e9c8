import { useApolloClient } from '@apollo/client/react';
import { useRef, useState } from 'react';
import { FreshLinksDocument } from '../generated/graphql.js';

export interface FreshSrc<Src> {
  readonly src: Src;
  readonly failed: boolean;
  readonly onLoad: () => void;
  readonly onError: () => void;
}

/**
 * The address of a picture. A signed link ends after about an hour: where a picture does not load by one, the server is
 * asked once for another.
 * @param imageId of the stored image that it shows, if it shows one
 */
export function useFreshSrc<Src extends string | undefined>(imageId: string | undefined, given: Src): FreshSrc<Src> {
  const client = useApolloClient();
  const [fresh, setFresh] = useState<{ readonly of: Src; readonly src: Src }>();
  const [failedSrc, setFailedSrc] = useState<Src>();
  /** Since it last loaded. */
  const asked = useRef(false);
  const src = fresh?.of === given ? fresh.src : given;
  const onError = (): void => {
    if (imageId === undefined || !isSigned(src) || asked.current) {
      setFailedSrc(src);
      return;
    }
    asked.current = true;
    client.query({ query: FreshLinksDocument, variables: { id: imageId }, fetchPolicy: 'network-only' }).then(
      ({ data }) => {
        const links = [data?.image?.thumbnailUrl, data?.image?.renditionUrl];
        const next = links.find((link) => link !== undefined && pathOf(link) === pathOf(src ?? ''));
        // The same link would not be loaded again.
        if (next === undefined || next === src) setFailedSrc(src);
        else setFresh({ of: given, src: next as Src });
      },
      () => {
        setFailedSrc(src);
      },
    );
  };
  return {
    src,
    failed: src !== undefined && failedSrc === src,
    onLoad: () => {
      asked.current = false;
    },
    onError,
  };
}

function isSigned(link: string | undefined): boolean {
  return link !== undefined && new URLSearchParams(link.split('?')[1]).has('signature');
}

function pathOf(link: string): string | undefined {
  return link.split('?')[0];
}
