import { useApolloClient, useMutation, useQuery } from '@apollo/client/react';
import { useEffect, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { forgetImage, noteImageGone } from '../../client.js';
import { DeleteImageDocument, ImageDetailDocument, type ImageDetailQuery } from '../../generated/graphql.js';
import { describeCode } from '../../lib/describe-error.js';
import { useMay } from '../../lib/rights.js';
import { formatBytes, formatDate, formatDimensions } from '../../lib/format.js';
import { useFreshSrc } from '../../lib/use-fresh-src.js';
import { paths } from '../../lib/paths.js';
import { RightsNote } from '../../parts/access/rights-note.js';
import { ConfirmDialog } from '../../parts/confirm-dialog.js';
import { DescribedErrorNote } from '../../parts/described-error-note.js';
import { ErrorNote } from '../../parts/error-note.js';
import { announce, usePageTitle } from '../../parts/page-title.js';
import { Waiting } from '../../parts/waiting.js';
import { Download } from './download.js';
import { CopyQuery } from './copy-query.js';
import { Metadata } from './metadata.js';
import { Neighbours } from './neighbours.js';
import './image.css';

type Detail = NonNullable<ImageDetailQuery['image']>;

export default function ImageView({ imageId }: { readonly imageId: string }) {
  const { data, error, loading, refetch } = useQuery(ImageDetailDocument, { variables: { id: imageId } });
  const image = data?.image;
  usePageTitle(image?.filename ?? 'Picture');
  const gone = image === null;
  useEffect(() => {
    if (gone) noteImageGone(imageId);
  }, [gone, imageId]);
  if (image !== undefined && image !== null) return <ImageDetail image={image} />;
  return (
    <div className="alone">
      <h1>Picture</h1>
      {error !== undefined ? (
        <ErrorNote error={error} onRetry={() => void refetch().catch(() => undefined)} />
      ) : loading ? (
        <Waiting label="Loading the picture" />
      ) : (
        <DescribedErrorNote
          described={describeCode('NOT_FOUND', undefined)}
          actions={
            <Link href={paths.gallery} className="button">
              Open the gallery
            </Link>
          }
        />
      )}
    </div>
  );
}

function ImageDetail({ image }: { readonly image: Detail }) {
  const mayDelete = useMay('write');
  const { src, failed, onError, onLoad } = useFreshSrc(image.id, image.renditionUrl);
  return (
    <article className="image">
      <div className="image__stage">
        {failed ? (
          <p className="image__failed">The picture could not be loaded. Reload the page to try again.</p>
        ) : (
          <img
            src={src}
            alt={image.filename}
            width={image.width}
            height={image.height}
            style={{ '--width': `${image.width}px`, '--ratio': image.width / image.height } as React.CSSProperties}
            onLoad={onLoad}
            onError={onError}
          />
        )}
      </div>
      <div className="image__side">
        <h1 className="image__name">
          <bdi>{image.filename}</bdi>
        </h1>
        <div className="image__actions">
          <Link href={paths.search(image.id)} className="button button--primary">
            Find similar
          </Link>
          <Download image={image} />
          <DeleteImage image={image} disabled={!mayDelete} />
        </div>
        {mayDelete ? null : <RightsNote needs="write" what="delete pictures" />}
        <dl className="facts">
          <Fact name="Size">
            {formatDimensions(image)} pixels, {formatBytes(image.byteSize)}
          </Fact>
          <Fact name="Type">{image.mediaType}</Fact>
          <Fact name="Added">
            <time dateTime={image.createdAt}>{formatDate(image.createdAt)}</time>
          </Fact>
          <Fact name="Id">
            <code>{image.id}</code>
          </Fact>
          <Fact name="SHA-256">
            <code>{image.sha256}</code>
          </Fact>
        </dl>
        <Metadata metadata={image.metadata} />
        <CopyQuery imageId={image.id} />
      </div>
      <Neighbours imageId={image.id} />
    </article>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

interface DeleteImageProps {
  readonly image: Detail;
  readonly disabled: boolean;
}

function DeleteImage({ image, disabled }: DeleteImageProps) {
  const [asking, setAsking] = useState(false);
  const [, navigate] = useLocation();
  const client = useApolloClient();
  const [deleteImage, { loading, error, reset }] = useMutation(DeleteImageDocument, { variables: { id: image.id } });
  const confirm = (): void => {
    deleteImage().then(
      () => {
        navigate(paths.gallery, { replace: true });
        announce(`${image.filename} was deleted`);
        forgetImage(client, image.id);
      },
      () => undefined,
    );
  };
  return (
    <>
      <button
        type="button"
        className="button button--danger"
        disabled={disabled}
        onClick={() => {
          reset();
          setAsking(true);
        }}
      >
        Delete
      </button>
      {asking ? (
        <ConfirmDialog
          title="Delete this picture?"
          confirmLabel={loading ? 'Deleting…' : 'Delete'}
          busy={loading}
          onConfirm={confirm}
          onCancel={() => {
            setAsking(false);
          }}
        >
          <p>
            <bdi>{image.filename}</bdi> is removed from the gallery and from every search. This cannot be undone.
          </p>
          {error === undefined ? null : <ErrorNote error={error} />}
        </ConfirmDialog>
      ) : null}
    </>
  );
}
