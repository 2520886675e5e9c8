import { skipToken, useQuery } from '@apollo/client/react';
import { useCallback, useState } from 'react';
import { Link } from 'wouter';
import { QueryImageDocument, type QueryImageQuery, type RegionInput } from '../../generated/graphql.js';
import { formatNumber } from '../../lib/format.js';
import { paths } from '../../lib/paths.js';
import { Picture } from '../../parts/picture.js';
import { describeRegion } from '../search/region.js';
import { RegionBox } from '../search/region-box.js';
import type { QuerySource } from '../search/use-search.js';
import { methodKey, minMethods, type Method, type Methods } from './method.js';
import { hitsCompared, MethodColumn } from './method-column.js';

const letters = ['A', 'B', 'C'] as const;

interface ComparisonProps {
  readonly source: QuerySource;
  readonly region: RegionInput | undefined;
  readonly methods: Methods;
  readonly chosen: readonly Method[];
  readonly onChoose: (chosen: readonly Method[]) => void;
}

/** Rank by picture, by column: undefined until a column has its hits. */
type Found = Readonly<Record<string, ReadonlyMap<string, number> | undefined>>;

export function Comparison({ source, region, methods, chosen, onChoose }: ComparisonProps) {
  const { data } = useQuery(
    QueryImageDocument,
    source.kind === 'stored' ? { variables: { id: source.imageId } } : skipToken,
  );
  const image = data?.image;
  const [found, setFound] = useState<Found>({});
  const [pointed, setPointed] = useState<string>();
  const report = useCallback((letter: string, ranks: ReadonlyMap<string, number> | undefined) => {
    setFound((all) => ({ ...all, [letter]: ranks }));
  }, []);
  const columns = chosen.map((method, index) => ({ method, letter: letters[index] ?? '' }));
  return (
    <>
      <div className="compare__query">
        <QueryPicture source={source} image={image} region={region} />
        <div className="compare__text">
          <h2 className="compare__name">
            {source.kind === 'stored' ? (
              <Link href={paths.image(source.imageId)}>
                <bdi>{image?.filename ?? ' '}</bdi>
              </Link>
            ) : (
              <bdi>{source.query.file.name}</bdi>
            )}
          </h2>
          {region === undefined ? null : (
            <p className="muted">
              By the part in the frame<span className="visually-hidden">: {describeRegion(region)}</span>
            </p>
          )}
          <p className="compare__overlap" role="status">
            {overlapOf(
              columns.map(({ letter }) => letter),
              found,
            )}
          </p>
        </div>
      </div>
      <div className="compare__columns" data-count={columns.length}>
        {columns.map(({ method, letter }, index) => (
          <MethodColumn
            key={letter}
            letter={letter}
            source={source}
            region={region}
            methods={methods}
            method={method}
            others={columns
              .filter((each) => each.letter !== letter)
              .map((each) => ({ letter: each.letter, ranks: found[each.letter] }))}
            pointed={pointed}
            onPoint={setPointed}
            onFound={report}
            onChange={(next) => {
              onChoose(chosen.map((each, at) => (at === index ? next : each)));
            }}
            onRemove={
              chosen.length > minMethods
                ? () => {
                    onChoose(chosen.filter((each) => methodKey(each) !== methodKey(method)));
                  }
                : undefined
            }
          />
        ))}
      </div>
    </>
  );
}

interface QueryPictureProps {
  readonly source: QuerySource;
  readonly image: QueryImageQuery['image'] | undefined;
  readonly region: RegionInput | undefined;
}

function QueryPicture({ source, image, region }: QueryPictureProps) {
  const shown =
    source.kind === 'upload'
      ? { src: source.query.previewUrl, ...(source.query.size ?? { width: 1, height: 1 }) }
      : image == null
        ? undefined
        : { imageId: image.id, src: image.thumbnailUrl, width: image.width, height: image.height };
  return (
    <div className="compare__picture">
      {shown === undefined ? (
        <span className="picture" />
      ) : (
        <Picture {...shown} alt="The query" eager>
          {region === undefined ? undefined : <RegionBox region={region} />}
        </Picture>
      )}
    </div>
  );
}

/** How many hits each two of the columns share, in words; of three also how many all share. */
function overlapOf(shown: readonly string[], found: Found): string {
  const known = shown.flatMap((letter) => {
    const ranks = found[letter];
    return ranks === undefined ? [] : [{ letter, ranks }];
  });
  if (known.length < shown.length) return ' ';
  const pairs = known.flatMap((a, index) => known.slice(index + 1).map((b) => [a, b] as const));
  const sentences = pairs.map(([a, b]) => `${a.letter} and ${b.letter} share ${formatNumber(countShared([a, b]))}`);
  const all = known.length > 2 ? [`all share ${formatNumber(countShared(known))}`] : [];
  return `Of ${formatNumber(hitsCompared)} results, ${[...sentences, ...all].join('; ')}.`;
}

function countShared(columns: readonly { readonly ranks: ReadonlyMap<string, number> }[]): number {
  const [first, ...rest] = columns;
  return [...(first?.ranks.keys() ?? [])].filter((id) => rest.every(({ ranks }) => ranks.has(id))).length;
}
