/** @throws RangeError for an image of no pixels, or of another number than its sides say */
export function requirePixels(width: number, height: number, numbers: number, channels: number): void {
  if (width < 1 || height < 1 || numbers !== width * height * channels) {
    throw new RangeError(`${numbers} numbers are no image of ${width} × ${height} pixels and ${channels} channels`);
  }
}
