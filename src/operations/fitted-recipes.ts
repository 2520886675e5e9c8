import { fittedFromJson } from '../retrieval/spaces/fitted.js';
import type { FittedRecipe } from '../retrieval/spaces/recipe.js';
import type { EmbeddingSpace, Store } from '../store/store.js';

/** What was fitted for each space, read once: it never changes, and a space's id is never used again. */
export class FittedRecipes {
  readonly #store: Pick<Store, 'readFitted'>;
  readonly #bySpace = new Map<number, Promise<FittedRecipe>>();

  constructor(store: Pick<Store, 'readFitted'>) {
    this.#store = store;
  }

  /** @throws SemblanceError DATABASE_UNAVAILABLE */
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
    if (json !== undefined && json !== null) return fittedFromJson(json);
    const { model, modelSha256: sha256, preprocessingSha256, dimensions } = space;
    return { kind: 'model', model, sha256, preprocessingSha256, dimensions };
  }
}
