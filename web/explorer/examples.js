// One operation for each field of Query and Mutation; a test holds the list to schema.graphql. Ids and names that no gallery
// has do nothing until they are replaced.

const noId = '00000000-0000-8000-8000-000000000000';
const job = `{
    id
    kind
    state
    stage
    done
    total
    error {
      code
      message
    }
  }`;
const hits = `{
    rank
    similarity
    image {
      id
      filename
      metadata
      thumbnailUrl
    }
  }`;

/** `field` names what it shows, `kind` the root type. Files are not among the variables: they are sent as $file and $files. */
export const examples = [
  {
    kind: 'Query',
    field: 'images',
    query: `# The newest images of a filter. Leave the filter out for all.
query Images($first: Int!, $filter: ImageFilter) {
  images(first: $first, filter: $filter) {
    totalCount
    edges {
      cursor
      node {
        id
        filename
        mediaType
        width
        height
        byteSize
        metadata
        createdAt
        thumbnailUrl
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}`,
    variables: { first: 10, filter: { filenameContains: '.jpg' } },
  },
  {
    kind: 'Query',
    field: 'image',
    query: `# One image by its id, as images lists it.
query Image($id: ID!) {
  image(id: $id) {
    id
    filename
    sha256
    metadata
    createdAt
    url
    renditionUrl
    similarImages(k: 5) {
      rank
      similarity
      image {
        id
        filename
        metadata
        thumbnailUrl
      }
    }
  }
}`,
    variables: { id: noId },
  },
  {
    kind: 'Query',
    field: 'similarImages',
    query: `# What looks like a stored image.
query SimilarImages($imageId: ID!, $k: Int!) {
  similarImages(imageId: $imageId, k: $k) ${hits}
}`,
    variables: { imageId: noId, k: 10 },
  },
  {
    kind: 'Query',
    field: 'searchByUpload',
    query: `# What looks like the file that is chosen above, which is not stored.
# The region is a part of it, in shares of its sides.
query SearchByUpload($file: Upload!, $k: Int!, $region: RegionInput) {
  searchByUpload(file: $file, k: $k, region: $region) ${hits}
}`,
    variables: { k: 10, region: null },
  },
  {
    kind: 'Query',
    field: 'status',
    query: `query Status {
  status {
    version
    imageCount
    activeSpace
    model
    dimensions
    store
  }
}`,
  },
  {
    kind: 'Query',
    field: 'methods',
    query: `# The spaces and re-rankers that a search may name.
query Methods {
  methods {
    spaces {
      name
      description
      state
      scorers
    }
    rerankers {
      name
      description
      needs {
        grey
        scorer
      }
    }
  }
}`,
  },
  {
    kind: 'Query',
    field: 'spaces',
    query: `query Spaces {
  spaces {
    name
    model
    description
    dimensions
    state
    imageCount
    missingCount
    regionCount
    createdAt
  }
}`,
  },
  {
    kind: 'Query',
    field: 'jobs',
    query: `query Jobs {
  jobs(first: 10) ${job}
}`,
  },
  {
    kind: 'Query',
    field: 'job',
    query: `# How far a job is that a mutation began, and what came of it.
query Job($id: ID!) {
  job(id: $id) {
    state
    stage
    done
    total
    finishedAt
    error {
      code
      message
    }
    result {
      space
      embedded
      missing
      failedCount
    }
  }
}`,
    variables: { id: noId },
  },
  {
    kind: 'Mutation',
    field: 'uploadImage',
    query: `# Stores the file that is chosen above.
mutation UploadImage($file: Upload!, $metadata: JSON) {
  uploadImage(file: $file, metadata: $metadata) {
    created
    image {
      id
      filename
      metadata
      thumbnailUrl
    }
  }
}`,
    variables: { metadata: { label: 'cat' } },
  },
  {
    kind: 'Mutation',
    field: 'uploadImages',
    query: `# Stores all files that are chosen above, each by itself.
mutation UploadImages($files: [Upload!]!, $metadata: JSON) {
  uploadImages(files: $files, metadata: $metadata) {
    filename
    created
    image {
      id
    }
    error {
      code
      message
    }
  }
}`,
    variables: { metadata: { label: 'cat' } },
  },
  {
    kind: 'Mutation',
    field: 'updateImage',
    query: `# Replaces the metadata of an image.
mutation UpdateImage($id: ID!, $metadata: JSON!) {
  updateImage(id: $id, metadata: $metadata) {
    image {
      id
      filename
      metadata
    }
  }
}`,
    variables: { id: noId, metadata: { label: 'cat' } },
  },
  {
    kind: 'Mutation',
    field: 'deleteImage',
    query: `mutation DeleteImage($id: ID!) {
  deleteImage(id: $id) {
    deletedId
  }
}`,
    variables: { id: noId },
  },
  {
    kind: 'Mutation',
    field: 'loadSample',
    query: `# Draws a few hundred pictures and stores them.
mutation LoadSample {
  loadSample ${job}
}`,
  },
  {
    kind: 'Mutation',
    field: 'createSpace',
    query: `# Another way to turn images into vectors, beside the active one.
mutation CreateSpace($name: String!, $method: String) {
  createSpace(name: $name, method: $method) ${job}
}`,
    variables: { name: 'colours', method: 'color' },
  },
  {
    kind: 'Mutation',
    field: 'backfillSpace',
    query: `# Embeds the images that a space lacks.
mutation BackfillSpace($name: String!) {
  backfillSpace(name: $name) ${job}
}`,
    variables: { name: 'colours' },
  },
  {
    kind: 'Mutation',
    field: 'compareSpaces',
    query: `mutation CompareSpaces($a: String!, $b: String!) {
  compareSpaces(a: $a, b: $b, sample: 100) ${job}
}`,
    variables: { a: 'semblance-hybrid', b: 'colours' },
  },
  {
    kind: 'Mutation',
    field: 'trainScorer',
    query: `mutation TrainScorer($kind: ScorerKind!) {
  trainScorer(kind: $kind) ${job}
}`,
    variables: { kind: 'LABELS' },
  },
  {
    kind: 'Mutation',
    field: 'indexRegions',
    query: `# Embeds parts of every image, for searchRegions.
mutation IndexRegions {
  indexRegions ${job}
}`,
  },
  {
    kind: 'Mutation',
    field: 'cancelJob',
    query: `mutation CancelJob($id: ID!) {
  cancelJob(id: $id) ${job}
}`,
    variables: { id: noId },
  },
  {
    kind: 'Mutation',
    field: 'activateSpace',
    query: `mutation ActivateSpace($name: String!) {
  activateSpace(name: $name) {
    former
    missing
    space {
      name
      state
    }
  }
}`,
    variables: { name: 'colours' },
  },
  {
    kind: 'Mutation',
    field: 'retireSpace',
    query: `mutation RetireSpace($name: String!) {
  retireSpace(name: $name) {
    space {
      name
      state
    }
  }
}`,
    variables: { name: 'colours' },
  },
  {
    kind: 'Mutation',
    field: 'removeSpace',
    query: `mutation RemoveSpace($name: String!) {
  removeSpace(name: $name) {
    removedName
  }
}`,
    variables: { name: 'colours' },
  },
];
