import { SemblanceError } from '../base/errors.js';
import { fittedFromJson } from '../methods/fitted.js';
import type { FittedRecipe } from '../methods/recipe.js';
import type { EmbeddingSpace, Store } from '../database/store.js';

/** What was fitted for each space, read once: it never changes, and a space's id is never used again. */
export class FittedRecipes {
  readonly #store: Pick<Store, 'readFitted'>;
  readonly #bySpace = new Map<number, Promise<FittedRecipe>>();

  constructor(store: Pick<Store, 'readFitted'>) {
    this.#store = store;
  }

  /** @throws SemblanceError DATABASE_UNAVAILABLE; MODEL_UNAVAILABLE where this version cannot read it */
  of(space: EmbeddingSpace): Promise<FittedRecipe> {
    const known = this.#bySpace.get(space.id);
    if (known !== undefined) return known;
    const reading = this.#read(space);
    this.#bySpace.set(space.id, reading);
    reading.catch(() => this.#bySpace.delete(space.id));
    return reading;
  }

  forget(spaceId: number): void {
    this.#bySpace.delete(spaceId);
  }

  async #read(space: EmbeddingSpace): Promise<FittedRecipe> {
    const json = await this.#store.readFitted(space.id);
    if (json !== undefined && json !== null) return parse(space, json);
    const { model, modelSha256: sha256, preprocessingSha256, dimensions } = space;
    return { kind: 'model', model, sha256, preprocessingSha256, dimensions };
  }
}

function parse({ name }: EmbeddingSpace, json: unknown): FittedRecipe {
  try {
    return fittedFromJson(json);
  } catch (cause) {
    throw new SemblanceError(
      'MODEL_UNAVAILABLE',
      `What was fitted for the embedding space ${JSON.stringify(name)} cannot be read: a newer version may have made it`,
      { cause },
    );
  }
}
