/** A free batch is run in these sizes only, largest first: ONNX Runtime plans and keeps memory for each shape it meets. */
export const freeBatchSizes = [8, 4, 2, 1] as const;
