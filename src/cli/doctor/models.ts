import { defaultModel, loadModelManifest } from '../../models/manifest.js';
import type { Manifest } from '../../models/manifest-schema.js';
import { ModelError, ModelNotFoundError } from '../../models/model-error.js';
import { transparencyOf } from '../../models/model-identity.js';
import { howToMend } from '../../models/remedy.js';
import { readVerified } from '../../models/verified-weights.js';
import { messageOf } from '../../base/errors.js';
import { modelsOf } from '../../methods/fitted.js';
import type { ModelLeaf } from '../../methods/leaves.js';
import { advice, problem, type Finding } from '../../database/diagnosis/finding.js';
import type { EmbeddingSpace, Store } from '../../database/store.js';
import { FittedRecipes } from '../../spaces/fitted-recipes.js';
import { adviseModel } from '../../spaces/models/model-advice.js';

export interface ModelOptions {
  /** SEMBLANCE_MODEL, which may be a model of a space under another name. */
  readonly model: string | undefined;
  readonly dataDir: string;
}

/** Whether the models of all spaces that are kept up to date are at hand, with the very weights that the spaces were made with. */
export async function diagnoseModels(
  store: Pick<Store, 'activeSpace' | 'listSpaces' | 'liveSpaces' | 'readFitted'>,
  options: ModelOptions,
): Promise<readonly Finding[]> {
  const spaces = await store.liveSpaces();
  if (spaces.length === 0) return diagnoseFirstModel(options);
  const recipes = new FittedRecipes(store);
  // What the environment names is what a server loads, whatever else there is.
  const findings: Finding[] = options.model === undefined ? [] : [...(await diagnoseFirstModel(options))];
  const checked = new Set<string>();
  for (const space of spaces) {
    let leaves: readonly ModelLeaf[];
    try {
      leaves = modelsOf(await recipes.of(space));
    } catch (error) {
      findings.push(
        problem('space', `${messageOf(error)}.`, 'Upgrade this program to the version that made the space.'),
      );
      continue;
    }
    for (const leaf of leaves) {
      const key = `${leaf.model} ${leaf.sha256} ${leaf.preprocessingSha256}`;
      if (checked.has(key)) continue;
      checked.add(key);
      const finding = await diagnoseLeaf(space, leaf, options);
      if (finding !== undefined) findings.push(finding);
    }
  }
  return findings.length > 0 ? findings : adviseDefault(store, recipes, options);
}

/** Only where all spaces could be read and all models are whole: what is wrong comes first. */
async function adviseDefault(
  store: Pick<Store, 'activeSpace' | 'listSpaces'>,
  recipes: FittedRecipes,
  { model }: ModelOptions,
): Promise<readonly Finding[]> {
  const advised = await adviseModel({ store, recipes, model });
  if (advised === undefined) return [];
  const commands = advised.commands.map((command) => `\`semblance ${command}\``).join(', then ');
  return [advice('default-model', advised.message, `Run ${commands}: servers serve meanwhile. ${advised.otherwise}`)];
}

/** Where there is no space yet: the model that the first one is made with. */
export async function diagnoseFirstModel({ model, dataDir }: ModelOptions): Promise<readonly Finding[]> {
  const name = model ?? defaultModel;
  try {
    await readVerified(await loadModelManifest(name, dataDir));
    return [];
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return [problem('model', `The model ${name} cannot be used: ${error.message}.`, sentence(howToMend(name)))];
  }
}

async function diagnoseLeaf(
  { name: space }: EmbeddingSpace,
  leaf: ModelLeaf,
  { model, dataDir }: ModelOptions,
): Promise<Finding | undefined> {
  const of = `The model ${leaf.model} of the space ${JSON.stringify(space)}`;
  const mend = sentence(howToMend(leaf.model));
  const candidates = [leaf.model, ...(model === undefined ? [] : [model])];
  let finding: Finding | undefined;
  for (const candidate of candidates) {
    let manifest: Manifest;
    try {
      manifest = await loadModelManifest(candidate, dataDir);
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      const missing = error instanceof ModelNotFoundError;
      finding ??= problem('model', `${of} ${missing ? 'is missing' : 'cannot be read'}: ${error.message}.`, mend);
      continue;
    }
    const same = transparencyOf(manifest, leaf) !== undefined;
    if (!same) {
      finding ??= problem(
        'model',
        `${of} is another one now: the space was made with SHA-256 ${leaf.sha256.slice(0, 12)}…, its manifest says ${manifest.sha256.slice(0, 12)}…${manifest.sha256 === leaf.sha256 ? ', and prepares images in another way' : ''}.`,
        `${mend} Or give the new one a name and a space of its own.`,
      );
      continue;
    }
    try {
      await readVerified(manifest);
      return undefined;
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      finding ??= problem('model', `${of} is damaged: ${error.message}.`, mend);
    }
  }
  return finding;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
