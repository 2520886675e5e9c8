import { Args, Ctx, Mutation, Resolver } from 'type-graphql';
import { cleanFilename } from '../../pixels/filename.js';
import { Semaphore } from '../../base/concurrency/semaphore.js';
import { maxConcurrentUploads } from '../../base/limits.js';
import type { ResolverContext } from '../../base/graphql/resolver-context.js';
import type { ImageOperations } from '../image-operations.js';
import { presentError } from '../../base/graphql/present-error.js';
import { UploadImageArgs, UploadImagesArgs } from './upload.args.js';
import { UploadImagePayload, UploadImageResult } from './upload.type.js';
import { withFile, type FileAtPath } from '../../base/graphql/uploaded-file.js';

type Context = ResolverContext<ImageOperations>;

@Resolver()
export class UploadResolver {
  @Mutation(() => UploadImagePayload, {
    description:
      'Stores an image and its embedding in one transaction; from its answer on, the image is a candidate of every search.',
  })
  async uploadImage(
    @Args(() => UploadImageArgs) { file, metadata }: UploadImageArgs,
    @Ctx() { operations, signal }: Context,
  ): Promise<UploadImagePayload> {
    return withFile(file, (sent) => operations.uploadImage({ ...sent, metadata, signal, priority: 'bulk' }));
  }

  @Mutation(() => [UploadImageResult], {
    description:
      'The same for several at once; one bad file does not spoil the others. Results stand in the order of files.',
  })
  async uploadImages(
    @Args(() => UploadImagesArgs) { files, metadata }: UploadImagesArgs,
    @Ctx() context: Context,
  ): Promise<readonly UploadImageResult[]> {
    // A file in work is in memory as a whole.
    const working = new Semaphore(maxConcurrentUploads);
    return Promise.all(files.map((file) => working.run(() => uploadOne(file, metadata, context))));
  }
}

async function uploadOne(file: FileAtPath, metadata: unknown, context: Context): Promise<UploadImageResult> {
  let filename = '';
  try {
    return await withFile(file, async (sent) => {
      filename = cleanFilename(sent.filename);
      const { operations, signal } = context;
      return { filename, ...(await operations.uploadImage({ ...sent, metadata, signal, priority: 'bulk' })) };
    });
  } catch (error) {
    const { code, message, masked } = presentError(error);
    if (masked) context.logUnexpected(error);
    return { filename, created: false, error: { code, message } };
  }
}
