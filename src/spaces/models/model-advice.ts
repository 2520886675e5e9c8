import { bundledNames } from '../../models/folder/model-folder.js';
import { defaultModel } from '../../models/manifest.js';
import { modelsOf } from '../../methods/fitted.js';
import type { EmbeddingSpace, Store } from '../../database/store.js';
import type { FittedRecipes } from '../fitted-recipes.js';

/** How a gallery comes to the default model, for the operator. */
export interface ModelAdvice {
  /** Why: a sentence. */
  readonly message: string;
  /** Arguments of `semblance`, one command after the other, while servers serve. */
  readonly commands: readonly string[];
  /** How to keep the model and hear no more of it: a sentence. */
  readonly otherwise: string;
}

export interface ModelAdviceParts {
  readonly store: Pick<Store, 'activeSpace' | 'listSpaces'>;
  readonly recipes: FittedRecipes;
  /** SEMBLANCE_MODEL: whoever names a model has chosen. */
  readonly model: string | undefined;
}

/**
 * What to say of a gallery whose active space was made with a bundled model that is not the default any more; undefined for any other.
 * @throws SemblanceError DATABASE_UNAVAILABLE; MODEL_UNAVAILABLE where this version cannot read what was fitted for the space
 */
export async function adviseModel({ store, recipes, model }: ModelAdviceParts): Promise<ModelAdvice | undefined> {
  if (model !== undefined) return undefined;
  const active = await store.activeSpace();
  if (active === undefined) return undefined;
  const used = modelsOf(await recipes.of(active)).map((leaf) => leaf.model);
  const former = (await bundledNames()).find((name) => used.includes(name));
  if (former === undefined || used.includes(defaultModel)) return undefined;
  return {
    message: `The active space ${JSON.stringify(active.name)} was made with ${former}, and goes on serving with it; ${defaultModel}, which is bundled too, finds more images of the same kind.`,
    commands: commandsFrom(active, await store.listSpaces()),
    otherwise: `SEMBLANCE_MODEL=${former} keeps ${former}, and says no more of this.`,
  };
}

/** Goes on with a space of the default model where one was begun. */
function commandsFrom(active: EmbeddingSpace, spaces: readonly EmbeddingSpace[]): readonly string[] {
  const begun = spaces.find(({ model, state }) => model === defaultModel && state !== 'retired');
  const name = begun?.name ?? freeName(spaces);
  return [
    ...(begun === undefined ? [`spaces create ${name} --model ${defaultModel} --backfill`] : []),
    ...(begun?.state === 'building' ? [`spaces backfill ${name}`] : []),
    `spaces compare ${active.name} ${name}`,
    `spaces activate ${name}`,
  ];
}

/** The model's own, unless a space has it that is another or retired. */
function freeName(spaces: readonly EmbeddingSpace[]): string {
  const isTaken = (name: string): boolean => spaces.some((space) => space.name === name);
  let name = defaultModel;
  for (let number = 2; isTaken(name); number += 1) name = `${defaultModel}-${number}`;
  return name;
}
